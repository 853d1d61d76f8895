"""When the frames of a file are shown, told one by one as they are decoded."""

import math
from collections.abc import Sequence
from typing import Literal

from av.video.frame import VideoFrame

from recircle.decode.clock import go_on
from recircle.decode.frame_times import JUMP, FrameTimes, UnsteadyClockError

FIRST = 24
"""Frames that are looked at before the first one gets its time: more than a codec brings into another order."""

# seconds that a time may run back without being taken for a clock that was set
_JITTER = 0.5

Times = Literal["shown", "decoded", "counted"]


def usable_times(frames: Sequence[VideoFrame]) -> Times:
    """Return which times of the first frames of a file can be followed, as `Clock` does for a whole file."""
    kinds: tuple[Times, ...] = ("shown", "decoded")
    for kind in kinds:
        times = [_seconds(frame, kind) for frame in frames]
        times = go_on(times) if kind == "decoded" else times
        try:
            FrameTimes.from_times(times)
        except UnsteadyClockError:
            continue
        if None not in times:
            return kind
    return "counted"


class RunningClock:
    """Gives each frame its time in seconds after the first.

    A time that is missing, or runs back a little, is put in its place; where a clock was set (it runs back, or jumps
    by more than ten minutes), time goes on one frame after the last.

    Attributes:
        fault: why no times can be given; empty if they can.
        notes: what was put right.
    """

    def __init__(self, times: Times, fps: float) -> None:
        self._times, self._fps = times, fps
        self._count = 0
        self._origin: float | None = None
        self._last = self._step = 0.0
        self._anchor, self._missing = 0.0, 0
        self._set: list[float] = []
        none = times == "counted" and not fps
        self.fault = (
            "has no frame times, and says no rate; say how many frames are shown a second (fps)" if none else ""
        )

    @property
    def notes(self) -> list[str]:
        """What was put right."""
        if not self._set:
            return []
        first = f"{self._set[0]:.3f} s"
        again = f", and {len(self._set) - 1} more times later" if len(self._set) > 1 else ""
        return [f"the file's clock is set anew after {first}{again}; time goes on from there"]

    def place(self, frame: VideoFrame) -> tuple[float, float | None]:
        """Return when the next frame begins, and when it ends, if the file says so."""
        number, self._count = self._count, self._count + 1
        if self._times == "counted":
            return number / self._fps, (number + 1) / self._fps
        given = _seconds(frame, self._times)
        if self._origin is None:
            self._origin = given or 0.0
        time = self._continue() if given is None else self._follow(given - self._origin)
        if given is not None:
            self._anchor, self._missing = time, 0
            self._step = time - self._last if time > self._last else self._step or (1 / self._fps if self._fps else 0.0)
        self._last = time
        lasting = _lasting(frame)
        if given is None or self._times == "decoded" or lasting <= 0:
            return time, None
        return time, given + lasting - self._origin

    def _continue(self) -> float:
        """Return a time that the file does not give: of the last frames, there may be no decoding times."""
        self._missing += 1
        return self._anchor + self._missing * self._step

    def _follow(self, time: float) -> float:
        """Return the time that a file gives, or one that comes after the last."""
        if self._last - _JITTER <= time <= self._last + JUMP:
            return max(time, self._last)
        self._set.append(self._last)
        after = self._last + self._step
        assert self._origin is not None
        self._origin += time - after
        return after


def _seconds(frame: VideoFrame, kind: str) -> float | None:
    ticks = frame.pts if kind == "shown" else frame.dts
    return None if ticks is None or frame.time_base is None else ticks * float(frame.time_base)


def _lasting(frame: VideoFrame) -> float:
    if not frame.duration or frame.time_base is None:
        return 0.0
    lasting = frame.duration * float(frame.time_base)
    return lasting if math.isfinite(lasting) else 0.0
