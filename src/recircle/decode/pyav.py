"""Frames of a video file through PyAV, in the order in which they are shown."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from recircle.decode.error import DecodeError
from recircle.decode.frame_size import MAX_PIXELS, size_fault
from recircle.decode.limits import too_large

_LIMITS = {"max_pixels": str(MAX_PIXELS)}
# pixels of all frames together that any file may have, and that each of its bytes may bring: 9 minutes of 1920 x 1080,
# and four times as many as a codec makes of one byte where nothing at all happens on 3840 x 2160 pixels. Time is lost
# on files of a few kilobytes that hold hours of huge frames
_ANY_PIXELS = 2**35
_PIXELS_OF_A_BYTE = 2**18
# seconds without a byte from the disk after which a file counts as hanging
STALL = 60.0

# errors that PyAV and FFmpeg raise for damaged or hostile files
MEDIA_ERRORS = (FFmpegError, OSError, ValueError, RuntimeError, MemoryError)

# display matrices, as of `display_matrix`, of frames that are turned 0, 1, 2 and 3 quarters counterclockwise
_QUARTER_TURNS = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))

# text files that make FFmpeg open further files, their own name included
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"v=0\r\n", b"v=0\n", b"[playlist]", b"<?xml", b"[Reference]")
# readers of FFmpeg that are not for videos: some open other files or the network, whatever the file is called; the
# others draw the letters of any file with a suffix such as .txt or .nfo
_NO_VIDEOS = frozenset(
    {"concat", "concatf", "dash", "hls", "imf", "rtp", "rtsp", "sap", "sdp", "vobsub", "webm_dash_manifest"}
    | {"avisynth", "lavfi", "vapoursynth"}
    | {"adf", "bin", "idf", "tty", "xbin"}
)


@dataclass(frozen=True)
class Video:
    """An opened video file.

    Attributes:
        container: the file.
        stream: the stream that is shown.
        fps: frames a second on average; 0 where the file does not say.
        declared: how many frames the container claims; 0 where it does not say.
        size: bytes of the file.
    """

    container: InputContainer
    stream: VideoStream
    fps: float
    declared: int
    size: int
    # kept for all frames, and of one thread: by default each frame would start a pool of threads of its own
    _reformatter: VideoReformatter = field(default_factory=VideoReformatter, repr=False)

    def frames(self) -> Iterator[VideoFrame]:
        """Decode all frames, in the order in which they are shown.

        Raises:
            DecodeError: the stream is damaged, a frame is too large, or all of them are for so small a file.
        """
        count = 0
        left = max(_ANY_PIXELS, self.size * _PIXELS_OF_A_BYTE)
        try:
            for frame in self.container.decode(self.stream):
                left = self._spend(left, frame, count)
                yield frame
                count += 1
        except MEDIA_ERRORS as error:
            if isinstance(error, DecodeError):
                raise
            raise self._stopped(count, error) from None

    def packets(self) -> Iterator[VideoFrame | str]:
        """Decode all frames, as `frames` does; instead of packets that are damaged there is the reason.

        Raises:
            DecodeError: the file cannot be read any further, a frame is too large, or all of them are for so small a
                file.
        """
        count = 0
        left = max(_ANY_PIXELS, self.size * _PIXELS_OF_A_BYTE)
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except MEDIA_ERRORS as error:
                raise self._stopped(count, error) from None
            if packet is None:
                return
            try:
                frames = packet.decode()
            except MEDIA_ERRORS as error:
                yield describe(error)
                continue
            for frame in frames:
                assert isinstance(frame, VideoFrame)
                left = self._spend(left, frame, count)
                yield frame
                count += 1

    def _spend(self, left: int, frame: VideoFrame, count: int) -> int:
        """Return how many pixels the file may still hold after a frame.

        Raises:
            DecodeError: it may not even hold this one.
        """
        _check_pixels(self.container.name, frame.width, frame.height)
        left -= frame.width * frame.height
        if left < 0:
            much = f"{count_frames(count)} of {frame.width} x {frame.height} pixels and more"
            reason = f"its {self.size} bytes hold {much}, which no video does (a decompression bomb?)"
            raise DecodeError(self.container.name, reason)
        return left

    def _stopped(self, count: int, error: BaseException) -> DecodeError:
        reason = f"decoding stops with an error after {count_frames(count)}: {describe(error)}"
        return DecodeError(self.container.name, reason)

    def to_rgb(self, frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
        """Convert a frame to RGB [H, W, 3] as it is displayed, that is, turned as its metadata says.

        Args:
            frame: one of this video's.
            width: of the video's first frame, before it is turned; a frame of another size is scaled to it, since
                streams may change their size midway.
            height: likewise.

        Raises:
            DecodeError: the frame has colours that cannot be converted.
        """
        try:
            scaled = self._reformatter.reformat(frame, width, height, "rgb24", interpolation="BICUBIC", threads=1)
            return orient(scaled.to_ndarray().astype(np.uint8, copy=False), display_matrix(frame))
        except MEDIA_ERRORS as error:
            raise DecodeError(self.container.name, f"a frame cannot be converted to RGB: {describe(error)}") from None


@contextmanager
def open_video(path: Path) -> Iterator[Video]:
    """Open a video file; it is closed when the block ends.

    Raises:
        DecodeError: there is no such file, it cannot be opened, or it has no video stream that can be decoded.
    """
    path = path.absolute()  # a bare name with a colon would be taken for a protocol
    size = _check_file(path)
    try:
        container = av.open(
            str(path),
            # the name of a still image may hold a %d, which is not a pattern here; nothing but files is opened
            options={
                "pattern_type": "none",
                "protocol_whitelist": "file",
                "format_whitelist": _videos(),
                **_LIMITS,
            },
            metadata_errors="replace",
            timeout=STALL,
        )
    except ArgumentError:  # also of FFmpeg to what is not on its list
        reason = "it is damaged, or of a kind that is not a video, such as text or a playlist"
        raise DecodeError(path, f"cannot be opened as a video: {reason}") from None
    except MEDIA_ERRORS as error:
        raise DecodeError(path, f"cannot be opened as a video: {describe(error)}") from None
    with container:
        yield choose_stream(container, path, size)


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Return where the right and the down direction of the stored frame point when it is displayed.

    The values are (right.x, right.y, down.x, down.y), with y downwards; (1, 0, 0, 1) leaves a frame as it is.
    """
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # side data of a kind that PyAV has no name for hides all others
        return _QUARTER_TURNS[round(frame.rotation / 90) % 4]
    if data is None:
        return _QUARTER_TURNS[0]
    right_x, right_y, _, down_x, down_y, *_ = np.frombuffer(data, dtype=np.int32).tolist()
    return right_x, right_y, down_x, down_y


def orient(image: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Turn and mirror an image [H, W, 3] by the nearest quarter turn to its display matrix; returns a view."""
    right_x, right_y, down_x, down_y = matrix
    if abs(right_x) >= abs(right_y):
        flip_columns, flip_rows = right_x < 0, down_y < 0
    else:
        image = image.swapaxes(0, 1)
        flip_columns, flip_rows = down_x < 0, right_y < 0
    return image[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def select_frames(path: Path, wanted: list[int]) -> Iterator[NDArray[np.uint8]]:
    """Decode the frames with these indices (ascending, each once) to RGB [H, W, 3], one at a time.

    Frames in between are decoded, since others depend on them, but not converted; after the last one decoding stops.

    Raises:
        DecodeError: the file cannot be decoded so far, or has fewer frames.
    """
    with open_video(path) as video:
        count = 0
        size = (0, 0)
        targets = iter(wanted)
        target = next(targets)
        for frame in video.frames():
            if count == 0:
                size = (frame.width, frame.height)
            if count == target:
                yield video.to_rgb(frame, *size)
                target = next(targets, -1)
                if target < 0:
                    return
            count += 1
    raise DecodeError(path, past_the_end(target, count))


def past_the_end(index: int, count: int) -> str:
    """Return the reason for an index that a clip does not have."""
    return f"frame {index} was asked for, and only {count_frames(count)} decode (0 to {count - 1})"


def count_frames(count: int) -> str:
    """Return the number with its noun."""
    return "1 frame" if count == 1 else f"{count} frames"


def describe(error: BaseException) -> str:
    """Return the words of an error without numbers, names of functions and file names."""
    if isinstance(error, MemoryError):
        return too_large()
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.strip()


@cache
def _videos() -> str:
    return ",".join(sorted(av.formats_available - _NO_VIDEOS))


def _check_file(path: Path) -> int:
    """Return the size of a file that may be a video."""
    try:
        # a pipe or a device keeps waiting whoever opens or reads it; it may also come between the look and the opening
        _check_regular(path, path.stat())
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            _check_regular(path, status)
            # what the system makes up when it is read, as under /proc, has no size
            head = file.read(64) if status.st_size else b""
    except DecodeError:
        raise
    except FileNotFoundError:
        raise DecodeError(path, "file not found") from None
    except OSError as error:
        raise DecodeError(path, f"cannot be read: {describe(error)}") from None
    except ValueError:
        raise DecodeError(path, "no file can have such a name") from None
    if not head:
        raise DecodeError(path, "cannot be opened as a video: the file is empty")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_PLAYLISTS):
        raise DecodeError(path, "is a playlist, not a video; name the videos themselves")
    return status.st_size


def _check_regular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise DecodeError(path, "is not a regular file")


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def choose_stream(container: InputContainer, path: Path, size: int) -> Video:
    """Return the video stream of an opened container that is shown.

    Args:
        container: the file or source.
        path: of it, for the error.
        size: bytes of the file, which bound what may be in it.

    Raises:
        DecodeError: there is none that can be decoded, or its frames are too large.
    """
    # a picture attached to a sound file is a cover, not a video
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        raise DecodeError(path, "no video stream")
    best: Any = container.streams.best("video")
    stream = best if best in streams else streams[0]
    context = stream.codec_context
    if context is None:
        raise DecodeError(path, "the codec of its video stream is unknown")
    _check_pixels(path, context.width, context.height)
    # of several threads, an error would surface some frames away from its place; loaders have one worker a core anyway
    context.thread_count = 1
    context.options = dict(_LIMITS)
    # a damaged header may claim negative numbers, which say nothing
    rates = (float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate)
    return Video(container, stream, next((rate for rate in rates if rate > 0), 0.0), max(0, stream.frames), size)


def _check_pixels(path: str | Path, width: int, height: int) -> None:
    fault = size_fault(width, height)
    if fault is not None:
        raise DecodeError(path, f"a frame {fault}")
