"""What a request may ask for."""

from dataclasses import dataclass
from pathlib import Path

from recircle.decode.error import DecodeError
from recircle.decode.probe import Probe
from recircle.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a request may ask for; more is refused with the reason.

    Attributes:
        megabytes: of its body, 10^6 bytes each.
        duration: seconds that a clip may last.
        pixels: of a frame, in millions.
        frames: images of a clip that is sent frame by frame.
        decoding: seconds after which a clip is given up.
        waiting: requests that may be there at a time; others get 503.
        answer: seconds after which a request gets an answer in any case, 504.
    """

    megabytes: float = 100.0
    duration: float = 120.0
    pixels: float = 9.0
    frames: int = 1000
    decoding: float = 60.0
    waiting: int = 64
    answer: float = 120.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise UserError(f"--{name} {value:g} must be above 0")

    def check(self, path: Path, found: Probe) -> None:
        """Refuse a clip that lasts too long or has frames that are too large.

        Raises:
            DecodeError: it does.
        """
        seconds = found.frames / found.fps if found.fps else 0.0
        if seconds > self.duration:
            raise DecodeError(path, f"it lasts {seconds:.0f} s, and {self.duration:g} s are taken at most")
        if found.width * found.height > 1e6 * self.pixels:
            size = f"{found.width} x {found.height} pixels"
            raise DecodeError(path, f"its frames have {size}, and {self.pixels:g} million are taken at most")
        if not found.fps and found.frames > self.frames:
            raise DecodeError(path, f"it has {found.frames} frames, and {self.frames} are taken at most")
