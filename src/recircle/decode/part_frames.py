"""The frames of a part of a video: the same ones that decoding all of it gives, found without decoding all of it."""

import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from recircle.decode.clock import Clock
from recircle.decode.error import DecodeError
from recircle.decode.media import kind_of
from recircle.decode.part import Part
from recircle.decode.pyav import Video, describe, open_video, past_the_end

# containers whose index leads to a frame from which decoding can begin, at or before any moment
_SEEKABLE = frozenset({"mov", "mp4", "matroska", "webm"})
# containers without times of frames, or with times that do not follow the order in which they are shown
_UNTIMED = frozenset({"avi", "h264", "hevc", "m4v", "mpegvideo", "mjpeg", "obu", "dv", "dts"})
# seconds by which to look further back where the frame that was found is too late, the first time
_BACK = 2.0
# seconds that a part may end after its video without a remark: durations of files are rounded, and may be the sound's
_ROUNDED = 0.1


class PartFrames:
    """Reads a part of an opened video, once.

    Attributes:
        size: (width, height) of the video's first frame, before it is turned.
        ended: when the video ended, in seconds after its first frame, if its end was met before the part's.
    """

    def __init__(self, video: Video, part: Part) -> None:
        self._video, self._part = video, part
        self.size = (0, 0)
        self.ended: float | None = None

    @property
    def short(self) -> str | None:
        """What there is to remark on a video that ended before the part did, after it was read."""
        if self.ended is None:
            return None
        if self.ended <= self._part.start:
            return f"begins at {self._part.start:.6g} s, and the video ends at {self.ended:.6g} s"
        if math.isinf(self._part.end) or self._part.end <= self.ended + _ROUNDED:
            return None
        return f"is to end at {self._part.end:.6g} s, and the video ends at {self.ended:.6g} s"

    def __iter__(self) -> Iterator[VideoFrame]:
        """Decode the frames of the part, in the order in which they are shown.

        Raises:
            DecodeError: the video cannot be decoded so far, or says nothing of when its frames are shown.
        """
        formats = set(self._video.container.format.name.split(","))
        frames = self._video.frames()
        first = next(frames, None)
        if first is None:
            self.ended = 0.0
            return
        self.size = (first.width, first.height)
        began = first.time
        if began is None or _UNTIMED & formats:
            yield from self._by_number()
        elif self._part.start > 0 and _SEEKABLE & formats:
            frames.close()  # type: ignore[attr-defined]
            yield from self._chosen(self._from_middle(began), began)
        else:
            yield from self._chosen(_after(first, frames), began)

    def _chosen(self, frames: Iterator[VideoFrame], began: float) -> Iterator[VideoFrame]:
        """Yield those of the part, of frames that begin at or before it."""
        before: VideoFrame | None = None
        ended, found = 0.0, False
        for frame in frames:
            time = _time(frame, self._video) - began
            if self._part.is_before(time):
                if not found and before is not None:
                    yield before
                return
            if self._part.is_after(time):
                before = frame
            else:
                found = True
                yield frame
            ended = time + _lasting(frame, self._video)
        if not found and before is not None and ended > self._part.start:
            yield before
        self.ended = ended

    def _from_middle(self, began: float) -> Iterator[VideoFrame]:
        """Decode from the last frame at or before the part's start from which decoding can begin."""
        stream, target = self._video.stream, began + self._part.start
        assert stream.time_base is not None
        back = 0.0
        while target - back > began:
            try:
                self._video.container.seek(int((target - back) / stream.time_base), stream=stream, backward=True)
            except FFmpegError as error:
                raise DecodeError(self._video.container.name, f"cannot be searched: {describe(error)}") from None
            frames = self._video.frames()
            # those before it are shown before it, and may depend on frames that were passed over
            key = next((frame for frame in frames if frame.key_frame), None)
            if key is not None and _time(key, self._video) <= target:
                yield key
                yield from frames
                return
            back = max(_BACK, 2 * back)
        with open_video(Path(self._video.container.name)) as again:
            yield from again.frames()

    def _by_number(self) -> Iterator[VideoFrame]:
        """Decode all of the video to find out when its frames are shown, and then those of the part."""
        path = Path(self._video.container.name)
        with open_video(path) as whole:
            clock = Clock()
            for frame in whole.frames():
                clock.add(frame)
            shown, _ = clock.frame_times(whole.fps)
        if not shown.seconds:
            raise DecodeError(path, "says nothing of when its frames are shown, so no part of it can be found")
        times = shown.times
        inside = [n for n, time in enumerate(times) if not (self._part.is_before(time) or self._part.is_after(time))]
        if not inside and self._part.start < shown.seconds:
            inside = [int((times <= self._part.start).sum()) - 1]
        self.ended = shown.seconds
        if not inside:
            return
        with open_video(path) as again:
            for number, frame in zip(count(), again.frames()):
                if number >= inside[0]:
                    yield frame
                if number == inside[-1]:
                    return


def select_part_of_video(path: Path, part: Part, wanted: list[int]) -> Iterator[NDArray[np.uint8]]:
    """Decode frames of a part (ascending, each once, counted from its first) to RGB [H, W, 3], one at a time.

    Raises:
        DecodeError: the file cannot be decoded so far, or the part has fewer frames.
    """
    with open_video(path) as video:
        frames = PartFrames(video, part)
        targets = iter(wanted)
        target, number = next(targets), 0
        for number, frame in enumerate(frames, 1):
            if number - 1 == target:
                yield video.to_rgb(frame, *frames.size)
                target = next(targets, -1)
                if target < 0:
                    return
    raise DecodeError(path, past_the_end(target, number))


def frame_times(path: Path) -> tuple[list[float], float]:
    """Return when each frame of a video begins and, at last, the last one ends, and frames a second.

    Times are seconds after the first frame, those by which parts are found. Of a damaged video they go as far as it can
    be decoded; of a folder of frames, which has none, there are none.
    """
    if kind_of(path) != "video":
        return [], 0.0
    times: list[float | None] = []
    clock, fps, lasting = Clock(), 0.0, 0.0
    untimed = False
    with suppress(DecodeError), open_video(path) as video:
        fps, untimed = video.fps, bool(_UNTIMED & set(video.container.format.name.split(",")))
        for frame in video.frames():
            times.append(None if frame.time is None else float(frame.time))
            clock.add(frame)
            lasting = _lasting(frame, video)
    known = [time for time in times if time is not None]
    if not times:
        return [], fps
    if untimed or len(known) < len(times):
        shown, _ = clock.frame_times(fps)
        return ([*shown.times.tolist(), shown.seconds] if shown.seconds else []), shown.fps
    return [*(time - known[0] for time in known), known[-1] - known[0] + lasting], fps


def _after(first: VideoFrame, others: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    yield first
    yield from others


def _time(frame: VideoFrame, video: Video) -> float:
    """Return when a frame begins, in seconds of the file.

    Raises:
        DecodeError: the file does not say.
    """
    if frame.time is None:
        raise DecodeError(video.container.name, "some frames have no time, so no part of it can be found")
    return float(frame.time)


def _lasting(frame: VideoFrame, video: Video) -> float:
    """Return the seconds that a frame is shown, as far as is known."""
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return 1 / video.fps if video.fps else 0.0
