"""A part of a longer video, by its times; a path names one by `#t=START,END` behind it, as Media Fragments URIs do."""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from recircle.decode.error import DecodeError

T = TypeVar("T")

# seconds by which a frame may begin before a moment and still count as being there: times are often written down to the
# millisecond, so that 33.367 is meant where a frame begins at 33.366667
_ROUNDED = 6e-4
_DECIMALS = 6
_FRAGMENT = re.compile(r"(?P<path>.+)#t=(?:npt:)?(?P<start>[\d:.]*)(?P<comma>,?)(?P<end>[\d:.]*)", re.DOTALL)
_CLOCK = re.compile(r"(?:(?:(?P<hours>\d+):)?(?P<minutes>\d{1,2}):)?(?P<seconds>\d+(?:\.\d*)?|\.\d+)")


@dataclass(frozen=True, slots=True)
class Part:
    """From when to when a part of a video lasts: the frames that begin in [start, end).

    Where none begins in it, it is the one that is shown at its start. A folder of frames knows no seconds: there, both
    are numbers of frames.

    Attributes:
        start: seconds after the video's first frame.
        end: likewise; infinity for the video's end.
    """

    start: float = 0.0
    end: float = math.inf

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and 0 <= self.start < self.end):
            raise ValueError(f"a part from {self.start:g} to {self.end:g}: it must end after it begins, at 0 or later")

    def is_before(self, time: float) -> bool:
        """Tell whether a frame that begins then is one of a later part."""
        return time >= self.end - _ROUNDED

    def is_after(self, time: float) -> bool:
        """Tell whether a frame that begins then is one of an earlier part."""
        return time < self.start - _ROUNDED

    def of_list(self, frames: Sequence[T]) -> list[T]:
        """Return the frames of the part where it is given by their numbers, from 0."""
        return [frame for number, frame in enumerate(frames) if not (self.is_after(number) or self.is_before(number))]


def part_name(path: str, start: float, end: float) -> str:
    """Return the path of a clip with its part behind it; the path alone where `end` is 0, for a whole file."""
    return f"{path}#t={_decimal(start)},{_decimal(end)}" if end else path


def split_part(path: Path) -> tuple[Path, Part | None]:
    """Return the file or folder that a path leads to, and which part of it is meant; None for all of it.

    A file that is really called so is taken for what it is.

    Raises:
        DecodeError: the part ends before it begins.
    """
    text = str(path)
    if "#t=" not in text or os.path.lexists(path):
        return path, None
    found = _FRAGMENT.fullmatch(text)
    if found is None or not (found["start"] or found["end"]):
        return path, None
    start = read_time(found["start"]) if found["start"] else 0.0
    end = read_time(found["end"]) if found["end"] else math.inf
    if start is None or end is None:
        return path, None
    try:
        return Path(found["path"]), Part(start, end)
    except ValueError as error:
        raise DecodeError(path, str(error)) from None


def read_time(text: str) -> float | None:
    """Return the seconds of "62.5", "1:02.5" or "00:01:02.5"; None of anything else."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    return 3600 * int(found["hours"] or 0) + 60 * int(found["minutes"] or 0) + float(found["seconds"])


def round_time(seconds: float) -> float:
    """Return seconds as precisely as they are written down."""
    return round(seconds, _DECIMALS)


def _decimal(seconds: float) -> str:
    return f"{seconds:.{_DECIMALS}f}".rstrip("0").rstrip(".")
