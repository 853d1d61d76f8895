"""The error of a clip that cannot be decoded."""

from pathlib import Path

from recircle.errors import UserError


class DecodeError(UserError):
    """A clip, or the frames asked of it, cannot be decoded. Nothing is put in their place.

    Attributes:
        path: the video file or the folder of frames.
        reason: what is wrong, in words.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        # both go to `args`, so that the error survives the way out of a loader's worker process
        super().__init__(str(path), reason)
        self.path = Path(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"
