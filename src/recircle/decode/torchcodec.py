"""Frames of a video file through torchcodec: the same frames as PyAV's, decoded by other code.

torchcodec numbers frames by the time stamps of packets, and converts colours by one of two ways that depend on the
width. Compared with PyAV and with the ffmpeg command, frames are equal bit for bit for what `_differs` lets
pass. What it does not let pass goes to PyAV, with a warning, so that a backend never changes a result.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from recircle.decode.error import DecodeError
from recircle.decode.part import Part
from recircle.decode.part_frames import select_part_of_video
from recircle.decode.pyav import Video, display_matrix, open_video, past_the_end, select_frames
from recircle.errors import UserError

_CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d")
# in these, with an even number of rows, swscale does not interpolate colours, so that it makes no difference
# where the file says they sit, which torchcodec does not take into account
_HALVED = ("yuv420p", "yuvj420p")
_FULL = ("yuv444p", "yuvj444p", "yuv444p10le", "yuv444p12le")
_FULL_RANGE = 2


def import_decoders() -> ModuleType:
    """Import `torchcodec.decoders`.

    Raises:
        UserError: torchcodec is not there, or does not load; the message says what it takes.
    """
    try:
        import torchcodec.decoders
    except ImportError:
        raise UserError(
            "backend='torchcodec': the package is missing; `pip install recircle[torchcodec]`, or use backend='pyav'"
        ) from None
    except (OSError, RuntimeError) as error:
        cause = str(error).strip().splitlines()[0]
        raise UserError(
            "backend='torchcodec': the package does not load; it needs FFmpeg's shared libraries (such as "
            "`apt install ffmpeg`) and a build that fits torch (0.11 to 0.13 for a CPU build); "
            f"or use backend='pyav' ({cause})"
        ) from None
    return torchcodec.decoders


def select_frames_torchcodec(path: Path, wanted: list[int], part: Part | None = None) -> Iterator[NDArray[np.uint8]]:
    """Decode the frames with these indices (ascending, each once) to RGB [H, W, 3], one at a time.

    Args:
        path: the file.
        wanted: the indices, in the part where there is one.
        part: of the video; None for all of it.

    Raises:
        DecodeError: the file cannot be decoded so far, or has fewer frames.
        UserError: torchcodec does not load.
    """
    decoders = import_decoders()
    done = 0
    try:
        with open_video(path) as video:
            first = next(video.frames(), None)
            if first is None:
                raise DecodeError(path, past_the_end(wanted[0], 0))
            decoder = decoders.VideoDecoder(str(path.absolute()), dimension_order="NHWC", num_ffmpeg_threads=1)
            reason = _differs(video, first, decoder.metadata)
        numbers = range(len(decoder)) if part is None or reason else _numbers(path, part)
        if part is not None and not reason and not _are_of(numbers, part, decoder):
            reason = "frames of a part that it finds elsewhere"
        if not reason:
            for index in wanted:
                if index >= len(numbers):
                    raise DecodeError(path, past_the_end(index, len(numbers)))
                yield decoder.get_frame_at(numbers[index]).data.numpy()
                done += 1
            return
    except (RuntimeError, ValueError, IndexError) as error:
        if isinstance(error, DecodeError):
            raise
        reason = f"a {type(error).__name__} of torchcodec"
    warnings.warn(f"backend='torchcodec': some clips are decoded by PyAV instead ({reason})", stacklevel=2)
    yield from select_frames(path, wanted[done:]) if part is None else select_part_of_video(path, part, wanted[done:])


def _numbers(path: Path, part: Part) -> range:
    """Return the numbers of the frames that begin in a part, by the times of the packets, without decoding them."""
    with open_video(path) as video:
        packets = video.container.demux(video.stream)
        times = sorted(
            float(packet.pts * packet.time_base)
            for packet in packets
            if packet.pts is not None and packet.time_base is not None and not packet.is_discard
        )
    inside = [
        n for n, time in enumerate(times) if not (part.is_after(time - times[0]) or part.is_before(time - times[0]))
    ]
    return range(inside[0], inside[-1] + 1) if inside else range(0)


def _are_of(numbers: range, part: Part, decoder: Any) -> bool:
    """Tell whether the first and the last of these frames begin in the part, as torchcodec numbers them."""
    if not numbers or numbers[-1] >= len(decoder):
        return False
    began = decoder.metadata.begin_stream_seconds_from_content
    times = [float(decoder.get_frame_at(number).pts_seconds) - began for number in (numbers[0], numbers[-1])]
    return not any(part.is_after(time) or part.is_before(time) for time in times)


def _differs(video: Video, first: VideoFrame, metadata: Any) -> str:
    """Return why torchcodec might give other frames of this file than PyAV, or nothing."""
    count = metadata.num_frames_from_content
    if video.container.format.name == "avi":
        return "AVI files have no time stamps, by which torchcodec finds frames"
    if video.stream.codec_context.name not in _CODECS:
        return f"codec {video.stream.codec_context.name}"
    if first.format.name not in (_HALVED if first.height % 2 == 0 else ()) + _FULL:
        return f"colours of kind {first.format.name}, which it converts in another way"
    if first.color_range == _FULL_RANGE and not first.format.name.startswith("yuvj"):
        return "colours of full range, which it may take for limited range"
    if _is_mirrored(first):
        return "a mirrored display matrix"
    if video.declared not in (0, count):
        return "frames that the container says to leave out"
    begin = metadata.begin_stream_seconds_from_content
    if first.time is None or begin is None or abs(first.time - begin) > 1e-4:
        return "frames at the start that cannot be decoded"
    return ""


def _is_mirrored(frame: VideoFrame) -> bool:
    right_x, right_y, down_x, down_y = display_matrix(frame)
    return right_x * down_y - right_y * down_x < 0
