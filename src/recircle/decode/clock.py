"""The times that a video file gives to its frames, and what can be made of them."""

from av.video.frame import VideoFrame

from recircle.decode.frame_times import FrameTimes, UnsteadyClockError


class Clock:
    """Collects the times of frames as they are decoded."""

    def __init__(self) -> None:
        self._shown: list[float | None] = []
        self._decoded: list[float | None] = []
        self._end: float | None = None

    def add(self, frame: VideoFrame) -> None:
        """Note the times of the next frame in the order in which they are shown."""
        base = None if frame.time_base is None else float(frame.time_base)
        self._shown.append(_seconds(frame.pts, base))
        self._decoded.append(_seconds(frame.dts, base))
        lasting = _seconds(frame.duration, base)
        shown = self._shown[-1]
        self._end = None if shown is None or not lasting or lasting < 0 else shown + lasting

    @property
    def span(self) -> tuple[float, float] | None:
        """When the first frame begins and the last one ends, in seconds of the file; None where it does not say."""
        times = [time for time in self._shown if time is not None]
        if not times:
            return None
        last = max(times)
        return min(times), last if self._end is None else max(last, self._end)

    def frame_times(self, fps: float) -> tuple[FrameTimes, list[str]]:
        """Return when the frames are shown, and what there is to remark on that.

        Where presentation times cannot be used, as those of AVI files, which know none and number B-frames as they are
        stored, decoding times serve: these run at the same rate. Where neither do, frames are taken to follow at `fps`.

        Args:
            fps: frames a second, as the container says; 0 where it does not.
        """
        try:
            FrameTimes.from_times(self._shown, self._end, fps=fps)
        except UnsteadyClockError:
            try:
                FrameTimes.from_times(decoded := go_on(self._decoded), fps=fps)
            except UnsteadyClockError:
                pass
            else:
                return frame_times_of(decoded, None, fps)
        return frame_times_of(self._shown, self._end, fps)


def frame_times_of(
    times: list[float | None] | list[float], end: float | None, fps: float = 0.0
) -> tuple[FrameTimes, list[str]]:
    """Return when frames are shown, and what there is to remark on that.

    Args:
        times: seconds of each frame; None where the file gives none.
        end: when the last frame ends; None where the file does not say.
        fps: frames a second, as the container says; 0 where it does not.
    """
    try:
        shown = FrameTimes.from_times(times, end, fps=fps)
    except UnsteadyClockError as error:
        # a raw stream has no times at all, and is played at the rate that it states; of frames that all last for no
        # time, an animation, it is the player that chooses
        without = all(not time for time in times)
        notes = [] if without else [f"frame times cannot be used ({error}); sampled by index"]
        return FrameTimes(len(times), fps), notes
    return shown, [] if shown.constant else [f"frame rate varies: {shown.rates()}; sampled by time"]


def go_on(times: list[float | None]) -> list[float | None]:
    """Return decoding times where the last frames, which come when no packet is left, have some too."""
    known = len(times)
    while known and times[known - 1] is None:
        known -= 1
    if known < 2 or (last := times[known - 1]) is None or (before := times[known - 2]) is None:
        return times
    return times[:known] + [last + step * (last - before) for step in range(1, len(times) - known + 1)]


def _seconds(ticks: int | None, base: float | None) -> float | None:
    return None if ticks is None or base is None else ticks * base
