"""The frames of a file of any length, one after the other with their times; damage is counted and passed over."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from recircle.decode.animation import open_animation
from recircle.decode.clock import Clock
from recircle.decode.cut_short import cut_short
from recircle.decode.error import DecodeError
from recircle.decode.folder import mixed_sizes
from recircle.decode.images import read_image
from recircle.decode.media import frames_of, kind_of
from recircle.decode.pyav import Video, count_frames, open_video
from recircle.decode.running_clock import FIRST, RunningClock, usable_times

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A frame of a file.

    Attributes:
        image: RGB [H, W, 3].
        time: when it begins, in seconds after the first.
        end: when it ends; None where the file does not say.
    """

    image: Image
    time: float
    end: float | None


@dataclass
class Passage:
    """What is known of a file while it is decoded, and at the end.

    Attributes:
        fps: frames a second, as the container says, or as the caller does where it says nothing; from the first frame
            on.
        declared: how long the file says it is, in seconds; 0 where it does not.
        notes: what went wrong on the way.
    """

    fps: float = 0.0
    declared: float = 0.0
    notes: list[str] = field(default_factory=list)


def running_frames(path: Path, passage: Passage, *, fps: float = 0.0) -> Iterator[TimedFrame]:
    """Decode a video file, an animation or a folder of frames from its beginning to its end, each frame once.

    What is damaged is left out, and counted in the notes of `passage`; time goes on meanwhile. Times are those by
    which clips are sampled elsewhere (`recircle.decode.clock`), as far as they can be known without reading ahead:
    the first frames decide whether presentation times, decoding times or, where there are neither, the rate counts.

    Args:
        path: the clip.
        passage: is filled on the way.
        fps: frames a second of what has no times: a folder of frames, or a file that does not say.

    Raises:
        DecodeError: no frame decodes, or the clip has no times and `fps` is not given.
    """
    kinds = {"frames": _of_folder, "animation": _of_animation, "video": _of_video}
    count = 0
    for frame in kinds[kind_of(path)](path, passage, fps):
        count += 1
        yield frame
    if not count:
        raise DecodeError(path, "; ".join(passage.notes) or "no frame decodes")


def _of_video(path: Path, passage: Passage, fps: float) -> Iterator[TimedFrame]:
    with open_video(path) as video:
        passage.fps = video.fps or fps
        passage.declared = (video.container.duration or 0) / 1e6
        yield from _timed(video, path, passage)


def _timed(video: Video, path: Path, passage: Passage) -> Iterator[TimedFrame]:
    frames = _undamaged(video, passage)
    # held as they were decoded, since their times say together which of them can be followed
    first = deque(islice(frames, FIRST))
    if not first:
        return
    clock = RunningClock(usable_times(list(first)), passage.fps)
    if clock.fault:
        raise DecodeError(path, clock.fault)
    stored = (first[0].width, first[0].height)
    span, resized_at, corrupt, odd = Clock(), "", 0, 0
    frame = first[0]
    span.add(frame)
    for frame in chain(_drained(first), frames):
        time, end = clock.place(frame)
        if not resized_at and (frame.width, frame.height) != stored:
            resized_at = f"frames change their size after {time:.3f} s, and are scaled to the first"
        corrupt += frame.is_corrupt
        try:
            image = video.to_rgb(frame, *stored)
        except DecodeError:
            odd += 1
            continue
        yield TimedFrame(image, time, end)
    span.add(frame)
    passage.notes += clock.notes
    if resized_at:
        passage.notes.append(resized_at)
    if corrupt:
        passage.notes.append(f"{count_frames(corrupt)} marked as damaged")
    if odd:
        passage.notes.append(f"{count_frames(odd)} left out, whose colours cannot be converted")
    if short := cut_short(video, span.span, passage.fps):
        passage.notes.append(short)


def _drained(held: deque[VideoFrame]) -> Iterator[VideoFrame]:
    """Yield what is held, and hold it no longer."""
    while held:
        yield held.popleft()


def _undamaged(video: Video, passage: Passage) -> Iterator[VideoFrame]:
    """Decode what can be decoded."""
    damaged, decoded, last = 0, 0, ""
    frames = video.packets()
    while True:
        try:
            frame = next(frames, None)
        except DecodeError as error:
            passage.notes.append(error.reason)
            break
        if frame is None:
            break
        if isinstance(frame, str):
            damaged, last = damaged + 1, frame
            continue
        decoded += 1
        yield frame
    if damaged:
        packets = "1 packet" if damaged == 1 else f"{damaged} packets"
        passage.notes.append(f"{packets} of data cannot be decoded ({last}), and {count_frames(decoded)} can")


def _of_folder(path: Path, passage: Passage, fps: float) -> Iterator[TimedFrame]:
    series = frames_of(path)
    if not fps:
        raise DecodeError(path, "is a folder of frames, which have no times; say how many are shown a second (fps)")
    passage.fps, passage.declared = fps, len(series.names) / fps
    shape: tuple[int, ...] | None = None
    faults: list[str] = []
    for number, name in enumerate(series.names):
        try:
            image = read_image(path / name)
        except DecodeError as error:
            faults.append(error.reason)
            continue
        shape = shape or image.shape
        if image.shape != shape:
            faults.append(mixed_sizes(name, image.shape, shape))
            continue
        yield TimedFrame(image, number / fps, (number + 1) / fps)
    if series.remark:
        passage.notes.append(series.remark)
    if faults:
        passage.notes.append(f"{count_frames(len(faults))} left out; the first: {faults[0]}")


def _of_animation(path: Path, passage: Passage, fps: float) -> Iterator[TimedFrame]:
    with open_animation(path) as animation:
        time = 0.0
        try:
            for number, (image, shown) in enumerate(animation.frames()):
                if number == 0 and not shown and not fps:
                    raise DecodeError(path, "says nothing of time; say how many frames are shown a second (fps)")
                passage.fps = 0.0 if shown else fps
                lasting = shown / 1000 if shown else 1 / fps if fps else 0.0
                yield TimedFrame(image, time, time + lasting)
                time += lasting
        except DecodeError as error:
            if not time:
                raise
            passage.notes.append(error.reason)
