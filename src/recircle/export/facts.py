"""What an exported file says of itself beside the run's `model.json`."""

from dataclasses import dataclass
from typing import Literal

from recircle import __version__
from recircle.config import from_json
from recircle.errors import UserError
from recircle.models.base import VideoModel

NAME = "export.json"
"""The name of the text in the file."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The frames that a file takes, uint8 [B, T, 3, H, W].

    Attributes:
        size: (H, W).
        clips: B; None is any.
        frames: T; None is any that the network takes.
    """

    size: tuple[int, int]
    clips: int | None = None
    frames: int | None = None

    def __str__(self) -> str:
        clips, frames = ("B" if self.clips is None else self.clips), ("T" if self.frames is None else self.frames)
        return f"[{clips}, {frames}, 3, {self.size[0]}, {self.size[1]}]"

    def check(self, model: VideoModel) -> None:
        """Insist on numbers that the network takes.

        Raises:
            UserError: it does not take them.
        """
        for name, value in (("clips", self.clips), ("frames", self.frames)):
            if value is not None and value < 1:
                raise UserError(f"{name}={value} must be 1 or more")
        least, most, multiple = model.min_frames, model.max_frames, model.frame_multiple
        if self.frames is None or (
            self.frames >= least and (most is None or self.frames <= most) and self.frames % multiple == 0
        ):
            return
        wanted = f"{least} frames" if least == most else f"{least} to {most} frames" if most else f"{least} or more"
        times = f", in multiples of {multiple}" if multiple > 1 else ""
        raise UserError(f"frames={self.frames}: {model.name} takes {wanted}{times}; give such a number, or none")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Which network a file holds, and how.

    Attributes:
        weights: `models.digest.digest_of` the network that was trained.
        shape: of its input.
        steps: recursive steps of ARC layers, where they are fewer than were learned.
        precision: of its weights and of what it computes.
        recircle: version of this package that wrote it.
    """

    weights: str
    shape: Shape
    steps: int | None = None
    precision: Literal["fp32", "int8"] = "fp32"
    recircle: str = __version__

    @classmethod
    def read(cls, texts: dict[str, str], source: str) -> "Facts | None":
        """Return what the texts of a file say; None where they say nothing, as those of earlier versions.

        Raises:
            UserError: they say something else.
        """
        return from_json(cls, texts[NAME], source=source) if NAME in texts else None
