"""When the frames of a clip are shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

# a part of the frame interval: clocks that count in steps of a millisecond, 29.97 frames a second in ticks of 1/30, and
# 24 in 60 by twos and threes stay below it; one frame left out, or half of a clip faster than the other, does not
_STEADY = 1 / 3
# a longer clip may lack a frame: at each moment, a constant rate would show the same one or its neighbour
_LONG = 50
# frames that a constant rate may gain or lose over the clip against what the container says
_DRIFT = 0.5
# frame intervals that the last frame of a constant rate may be shown; longer, it is a picture that is held
_LAST = 2.0
# seconds by which a moment may miss the start of a frame and still show it: sums of decimals are not exact
_EXACT = 2e-6
# seconds to which times are written down; doubled until the runs are few enough for a field of a CSV table
_PRECISION = 1e-6
_MOST_RUNS = 5000

JUMP = 600.0
"""Seconds between two frames beyond which a clock has jumped: no video holds a picture for so long."""


class UnsteadyClockError(ValueError):
    """Frame times that cannot be followed: missing, running backwards, or jumping."""


@dataclass(frozen=True)
class FrameTimes:
    """When each frame of a clip is shown, in seconds after the first.

    Where the rate is constant, frame k is shown from k / fps on, and nothing but the rate is kept. Where it varies,
    `durations` has what each frame lasts.

    Attributes:
        frames: how many decode.
        fps: frames a second; 0 where it is not known. Of a varying rate, what the container says, or else the average.
        durations: how long each frame is shown, in milliseconds, equal ones together: `83.333*12 375*11`; empty
            where the rate is constant or not known.
    """

    frames: int
    fps: float = 0.0
    durations: str = ""

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError(f"frames={self.frames} must be 1 or more")
        if not (math.isfinite(self.fps) and self.fps >= 0):
            raise ValueError(f"fps={self.fps} must be 0 (not known) or more")
        if self.durations:
            lasting = sum(count for _, count in _parse(self.durations))
            if lasting != self.frames:
                raise ValueError(f"durations={_shorten(self.durations)!r} are of {lasting} frames, not {self.frames}")

    @classmethod
    def from_times(cls, times: Sequence[float | None], end: float | None = None, *, fps: float = 0.0) -> Self:
        """Find out whether frames follow each other at a constant rate, and keep their times where they do not.

        The rate is constant if each frame is shown within a third of a frame interval of where it would be if all, from
        the first to the last, lay equally far apart, and the last is not held for more than two intervals. A clip of 50
        frames or more may lack one: half an interval to either side will do.

        Args:
            times: seconds of each frame, in the order in which they are shown; None where the file gives none.
            end: when the last frame ends; None (or a moment that is not after it) takes it to last as long as the one
                before.
            fps: frames a second, as the container says; kept unless the times are of another constant rate.

        Raises:
            UnsteadyClockError: a time is missing, is before that of the frame ahead of it, or jumps by more than ten
                minutes; or frames are all at the same time.
            ValueError: there are no frames.
        """
        count = len(times)
        if count < 2:
            single = end is not None and times and times[0] is not None and end > times[0]
            return cls(count, fps or (1 / (end - times[0]) if single else 0.0))  # type: ignore[operator]
        starts = np.array([math.nan if time is None else time for time in times], dtype=np.float64)
        if not np.isfinite(starts).all():
            raise UnsteadyClockError("some frames have no time")
        starts -= starts[0]
        gaps = np.diff(starts)
        if gaps.min() < 0:
            raise UnsteadyClockError("their times run backwards")
        if gaps.max() > JUMP:
            raise UnsteadyClockError("their times jump")
        if starts[-1] <= 0:
            raise UnsteadyClockError("they are all at the same time")
        last = gaps[-1] if end is None or not 0 < end - times[0] - starts[-1] <= JUMP else end - times[0] - starts[-1]  # type: ignore[operator]
        interval = starts[-1] / (count - 1)
        deviations = (starts - interval * np.arange(count)) / interval
        steady = np.abs(deviations).max() <= _STEADY or (count >= _LONG and np.ptp(deviations) <= 1)
        if steady and last <= _LAST * interval:
            # the container's rate, unless half a frame is gained or lost against it over the clip
            agrees = fps > 0 and abs(starts[-1] * fps - (count - 1)) <= _DRIFT
            return cls(count, fps if agrees else 1 / interval)
        ends = np.append(starts[1:], starts[-1] + last)
        return cls(count, fps or count / float(ends[-1]), _format(ends))

    @property
    def constant(self) -> bool:
        """Whether frames follow each other at a constant rate, as far as is known."""
        return not self.durations

    @property
    def seconds(self) -> float:
        """How long the clip is; 0 where that is not known."""
        if self.durations:
            return float(self._times[-1])
        return self.frames / self.fps if self.fps else 0.0

    @cached_property
    def _times(self) -> NDArray[np.float64]:
        """When each frame begins and, at last, when the last ends, [frames + 1], of a varying rate."""
        runs = _parse(self.durations)
        lasting = np.repeat([duration for duration, _ in runs], [count for _, count in runs])
        return np.concatenate([[0.0], np.cumsum(lasting)]) / 1000

    @property
    def times(self) -> NDArray[np.float64]:
        """When each frame begins, in seconds after the first, [frames].

        Raises:
            ValueError: the rate is not known.
        """
        if self.durations:
            return self._times[:-1]
        if not self.fps:
            raise ValueError("the clip's frame rate is not known, so its frames have no times")
        return np.arange(self.frames) / self.fps

    def shown_at(self, seconds: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the frame that is shown at each moment; after the end, the last one.

        Args:
            seconds: moments after the first frame, of any shape.

        Raises:
            ValueError: the rate is not known.
        """
        if self.durations:
            found = np.searchsorted(self._times, seconds + _EXACT, side="right") - 1
        elif self.fps:
            found = np.floor((seconds + _EXACT) * self.fps).astype(np.int64)
        else:
            raise ValueError("the clip's frame rate is not known, so no frame can be found by time")
        return found.astype(np.int64).clip(0, self.frames - 1)

    def rates(self) -> str:
        """Return the lowest and the highest rate at which frames are shown: "2.67 to 12 fps"."""
        if not self.durations:
            return f"{self.fps:.3g} fps"
        lasting = [duration for duration, _ in _parse(self.durations) if duration > 0]
        return f"{1000 / max(lasting):.3g} to {1000 / min(lasting):.3g} fps"


def _parse(durations: str) -> list[tuple[float, int]]:
    """Return (milliseconds, frames) of each run.

    Raises:
        ValueError: that is not what was written.
    """
    runs: list[tuple[float, int]] = []
    for token in durations.split():
        duration, star, count = token.partition("*")
        try:
            run = (float(duration), int(count) if star else 1)
        except ValueError:
            run = (math.nan, 0)
        if not 0 <= run[0] <= 1000 * JUMP or run[1] < 1:
            raise ValueError(
                f"durations={_shorten(durations)!r}: {token!r} is not a duration in milliseconds, with *COUNT where "
                "several frames have it; run `recircle index` again"
            )
        runs.append(run)
    if not sum(duration for duration, _ in runs):
        raise ValueError(f"durations={_shorten(durations)!r} say that no frame lasts; run `recircle index` again")
    return runs


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."


def _format(ends: NDArray[np.float64]) -> str:
    """Write down when frames end, as runs of frames that last equally long."""
    precision = _PRECISION
    while len(runs := _runs(ends * 1000, precision * 1000)) > _MOST_RUNS:
        precision *= 2
    return " ".join(f"{duration:.12g}" + (f"*{count}" if count > 1 else "") for duration, count in runs)


def _runs(ends: NDArray[np.float64], precision: float) -> list[tuple[float, int]]:
    """Cut frames, each as long as it fits, into runs of one duration that keep all ends to within `precision`."""
    runs: list[tuple[float, int]] = []
    began, count = 0.0, 0
    low, high = 0.0, math.inf
    for end in ends.tolist():
        lowest, highest = ((end - began + side) / (count + 1) for side in (-precision, precision))
        if max(low, lowest) > min(high, highest):
            duration = _shortest(low, high)
            runs.append((duration, count))
            began, count, low, high = began + duration * count, 0, 0.0, math.inf
            lowest, highest = end - began - precision, end - began + precision
        count, low, high = count + 1, max(low, lowest), min(high, highest)
    return [*runs, (_shortest(low, high), count)]


def _shortest(low: float, high: float) -> float:
    """Return the number of the fewest decimals in an interval."""
    middle = (low + high) / 2
    return next((near for digits in range(10) if low <= (near := round(middle, digits)) <= high), middle)
