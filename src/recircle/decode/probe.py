"""What a clip holds, found out by decoding all of it once."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recircle.decode.animation import NO_PART, open_animation
from recircle.decode.clock import Clock, frame_times_of
from recircle.decode.cut_short import cut_short
from recircle.decode.error import DecodeError
from recircle.decode.folder import mixed_sizes
from recircle.decode.frame_times import FrameTimes
from recircle.decode.images import read_image
from recircle.decode.media import frames_of, kind_of
from recircle.decode.part import Part, split_part
from recircle.decode.part_frames import PartFrames
from recircle.decode.pyav import count_frames, open_video

Image = NDArray[np.uint8]
# is called for each frame that decodes, with what makes it RGB [H, W, 3], and the bytes of that
Visit = Callable[[Callable[[], Image], int], None]


@dataclass(frozen=True)
class Probe:
    """What decoding a clip from end to end found.

    Attributes:
        frames: how many frames decode; of a broken clip, up to the fault.
        fps: frames a second, as the container says unless the times of the frames are of another constant rate; 0 where
            neither says, and for a folder of frames.
        width: pixels of a frame as displayed, that is, after rotation; 0 where no frame decodes.
        height: likewise.
        declared: the frame count that the container claims; 0 where it claims none.
        fault: why the clip is broken, or a remark on one that is ok, or None.
        status: "broken" if the clip cannot be opened, is damaged, or has no frame.
        durations: how long each frame is shown where the rate varies, as `FrameTimes` writes it.
    """

    frames: int
    fps: float
    width: int
    height: int
    declared: int
    fault: str | None
    status: Literal["ok", "broken"]
    durations: str = ""

    @property
    def frame_times(self) -> FrameTimes:
        """When the frames are shown; of a clip that has any."""
        return FrameTimes(self.frames, self.fps, self.durations)


def probe(path: str | Path, visit: Visit | None = None) -> Probe:
    """Decode a video file or a folder of frames from end to end; a bad one is reported, never raised.

    Args:
        path: the clip.
        visit: is called for each frame with a function that returns it as RGB [H, W, 3], also later (until then it is
            held as it was decoded), and the bytes that it has as RGB.
    """
    visit = visit or _pass_by
    try:
        file, part = split_part(Path(path))
    except DecodeError as error:
        return broken(error.reason)
    kind = kind_of(file)
    if kind == "frames":
        return _probe_folder(file, visit, part)
    if kind == "video":
        return _probe_video(file, visit, part)
    return _probe_animation(file, visit) if part is None else broken(NO_PART)


def broken(fault: str, *, frames: int = 0) -> Probe:
    """Return the verdict on a clip of which nothing else is known."""
    return Probe(frames, 0.0, 0, 0, 0, fault, "broken")


def _pass_by(read: Callable[[], Image], size: int) -> None:
    pass


def _probe_video(path: Path, visit: Visit, part: Part | None) -> Probe:
    count, corrupt, resized_at = 0, 0, -1
    stored = (0, 0)
    fps, width, height, declared = 0.0, 0, 0, 0
    clock = Clock()
    short: str | None = None
    try:
        with open_video(path) as video:
            fps, declared = video.fps, video.declared if part is None else 0
            wanted = None if part is None else PartFrames(video, part)
            for frame in video.frames() if wanted is None else wanted:
                if count == 0:
                    stored = (frame.width, frame.height) if wanted is None else wanted.size
                    height, width, _ = video.to_rgb(frame, *stored).shape
                if resized_at < 0 and (frame.width, frame.height) != stored:
                    resized_at = count
                visit(partial(video.to_rgb, frame, *stored), 3 * frame.width * frame.height)
                corrupt += frame.is_corrupt
                clock.add(frame)
                count += 1
            short = cut_short(video, clock.span, fps) if wanted is None else wanted.short
    except DecodeError as error:
        return Probe(count, fps, width, height, declared, error.reason, "broken")
    if count == 0:
        return Probe(0, fps, 0, 0, declared, short or "no frame decodes", "broken")
    times, notes = clock.frame_times(fps)
    if declared not in (0, count):
        notes.append(f"the container declares {count_frames(declared)}, {count} decode")
    if short:
        notes.append(short)
    if resized_at >= 0:
        notes.append(f"frames change their size from frame {resized_at} on, and are scaled to the first")
    if corrupt:
        notes.append(f"{count_frames(corrupt)} marked as damaged")
    fault = "; ".join(notes) or None
    return Probe(count, times.fps, width, height, declared, fault, "ok", times.durations)


def _probe_folder(path: Path, visit: Visit, part: Part | None) -> Probe:
    count = 0
    first: tuple[int, ...] = (0, 0, 3)
    remark = ""
    try:
        series = frames_of(path)
        remark = series.remark
        names = series.names if part is None else part.of_list(series.names)
        if part is not None and len(series.names) < part.end < math.inf:
            remark = "; ".join(filter(None, (remark, f"there are only {count_frames(len(series.names))}")))
        if part is not None and not names:
            return broken(f"begins at frame {part.start:g}, and the folder has only {count_frames(len(series.names))}")
        for name in names:
            image = read_image(path / name)
            if count == 0:
                first = image.shape
            if image.shape != first:
                raise DecodeError(path, mixed_sizes(name, image.shape, first))
            visit(lambda image=image: image, image.nbytes)
            count += 1
    except DecodeError as error:
        return Probe(count, 0.0, first[1], first[0], 0, error.reason, "broken")
    return Probe(count, 0.0, first[1], first[0], 0, remark or None, "ok")


def _probe_animation(path: Path, visit: Visit) -> Probe:
    declared, height, width = 0, 0, 0
    starts = [0.0]
    fault: str | None = None
    try:
        with open_animation(path) as animation:
            declared = animation.declared
            for image, shown in animation.frames():
                height, width, _ = image.shape
                visit(lambda image=image: image, image.nbytes)
                starts.append(starts[-1] + shown / 1000)
    except DecodeError as error:
        fault = error.reason
    count = len(starts) - 1
    if fault or not count:
        fps = count / starts[-1] if starts[-1] else 0.0
        return Probe(count, fps, width, height, declared, fault or "no frame decodes", "broken")
    if not starts[-1]:  # a stack of pages says nothing of time
        return Probe(count, 0.0, width, height, declared, None, "ok")
    times, notes = frame_times_of(starts[:-1], starts[-1])
    return Probe(count, times.fps, width, height, declared, "; ".join(notes) or None, "ok", times.durations)
