"""Which frames make each window of a video whose frames come one by one."""

import math
from bisect import bisect_left
from dataclasses import dataclass

from recircle.decode.frame_times import FrameTimes, UnsteadyClockError

# seconds by which a frame may miss the start of a window and still be in it: sums of decimals are not exact
_EXACT = 2e-6


@dataclass(frozen=True, slots=True)
class Span:
    """One window, whose frames are all there.

    Attributes:
        number: of the window, from 0; windows without a frame have one too.
        start: its first moment, in seconds.
        end: its last one.
        frames: numbers of its frames, counted from the first that came.
        times: when they are shown.
    """

    number: int
    start: float
    end: float
    frames: range
    times: FrameTimes


class Windows:
    """Cuts frames into windows: number k begins k strides after the first frame, and lasts `window` seconds.

    A frame is in a window if it begins there. At the end, frames that no window holds are in a last one, which is moved
    back so far that it is as long as the others; a video that is shorter than a window is one window.

    Attributes:
        oldest: number of the first frame that later windows may need.
    """

    def __init__(self, window: float, stride: float, fps: float = 0.0) -> None:
        """Begin before the first frame.

        Args:
            window: seconds of a window.
            stride: seconds from the start of one to that of the next.
            fps: frames a second, as the container says; 0 where it does not.
        """
        self.oldest = 0
        self._window, self._stride, self._fps = window, stride, fps
        self._times: list[float] = []  # of the frames from `oldest` on
        self._origin = 0.0
        self._next = 0

    def add(self, time: float) -> list[Span]:
        """Take the next frame, and return the windows that end before it."""
        if not self._times:
            self._origin = time
        made: list[Span] = []
        while self._times and time >= self._end(self._next) - _EXACT:
            made += self._cut(self._next, self._start(self._next), self._end(self._next), time)
            self._next += 1
            if self._start(self._next) - _EXACT > self._times[-1]:
                # nothing came for long: on to the first window that can hold this frame
                self._next = max(self._next, self._first_beyond(time))
        self._times.append(time)
        keep = min(self._start(self._next), time - self._window) - _EXACT
        gone = min(bisect_left(self._times, keep), len(self._times) - 1)
        if gone:
            del self._times[:gone]
            self.oldest += gone
        return made

    def finish(self, end: float | None = None) -> list[Span]:
        """Return the windows that are left.

        Args:
            end: when the last frame ends; None takes it to last as long as the one before.
        """
        if not self._times:
            return []
        last = self._times[-1]
        ending = last + (last - self._times[-2] if len(self._times) > 1 else 0.0) if end is None else max(end, last)
        made: list[Span] = []
        while self._end(self._next) <= ending + _EXACT and self._start(self._next) - _EXACT <= last:
            made += self._cut(self._next, self._start(self._next), self._end(self._next), end)
            self._next += 1
        held = self._next > 0 and last < self._end(self._next - 1) - _EXACT
        if not held and self._start(self._next) - _EXACT <= last:
            start = max(self._origin, ending - self._window)
            made += self._cut(self._next, start, max(ending, last + 2 * _EXACT), end)
            self._next += 1
        return made

    def _start(self, number: int) -> float:
        return self._origin + number * self._stride

    def _end(self, number: int) -> float:
        return self._start(number) + self._window

    def _first_beyond(self, time: float) -> int:
        """Return the first window that ends after a moment."""
        number = max(0, math.floor((time - self._origin - self._window) / self._stride) - 1)
        while time >= self._end(number) - _EXACT:
            number += 1
        return number

    def _cut(self, number: int, start: float, end: float, after: float | None) -> list[Span]:
        """Return the window between two moments, if there are frames in it.

        Args:
            number: of the window.
            start: its first moment.
            end: its last one.
            after: when the last frame that has come ends.
        """
        first, last = (bisect_left(self._times, moment - _EXACT) for moment in (start, end))
        if first == last:
            return []
        times = self._times[first:last]
        ends = self._times[last] if last < len(self._times) else after
        try:
            shown = FrameTimes.from_times(times, ends, fps=self._fps)
        except UnsteadyClockError:
            shown = FrameTimes(len(times), self._fps)
        return [Span(number, start, end, range(self.oldest + first, self.oldest + last), shown)]
