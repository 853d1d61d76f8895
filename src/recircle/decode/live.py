"""Frames of what goes on now: a camera, a stream of the network, or what another program writes into a pipe."""

import os
import re
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from recircle.decode.error import DecodeError
from recircle.decode.pyav import MEDIA_ERRORS, Video, choose_stream, describe
from recircle.decode.running_clock import RunningClock, usable_times
from recircle.errors import UserError

Kind = Literal["camera", "network", "pipe"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# frames of a connection that are looked at before the first one gets its time; a second of them would be a second late
_FIRST = 6
# frames that wait between a pipe's reader and whoever takes them
_WAITING = 16
# seconds before the first, and the most before any other try to connect again
_PAUSES = (0.5, 30.0)
_ENDED = "the source ended"


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A frame of a source.

    Attributes:
        image: RGB [H, W, 3].
        time: when it is shown, in seconds after the first frame.
        end: until when; None where the source does not say.
        arrived: when it was decoded here, by `time.monotonic`.
    """

    image: NDArray[np.uint8]
    time: float
    end: float | None
    arrived: float


class LiveSource:
    """A source that is read by a thread of its own, so that nothing waits for whoever is slow.

    Cameras and network streams do not wait: of frames that nobody has taken yet, the oldest are dropped until those
    left span no more than `lag` seconds. Where such a source ends or fails, it is connected again, after pauses that
    double; time goes on by the clock meanwhile. A pipe waits, nothing of it is dropped, and its end is the end.

    The decoder runs in this process: a stream that is made to crash it ends the program.

    Attributes:
        kind: what it is.
        rate: frames a second, as the source says; 0 where it does not.
        dropped: frames that were dropped so far.
        connections: how often it was connected.
        trouble: why the last connection ended; empty if none has.
    """

    def __init__(
        self,
        source: str,
        *,
        form: str | None = None,
        fps: float = 0.0,
        lag: float = 1.0,
        once: bool = False,
        tries: int = 10,
        seconds: float = 10.0,
        pause: float = _PAUSES[0],
    ) -> None:
        """Connect.

        Args:
            source: a camera (/dev/video0), a URL (rtsp://, http:// ...), a file or named pipe, or - for standard input.
            form: FFmpeg's name of the format, such as mpegts, where it cannot be told from what comes.
            fps: frames a second of a source that gives frames no times.
            lag: seconds of frames that may wait before some are dropped.
            once: do not connect again.
            tries: how often in a row connecting may fail.
            seconds: after how long without data a connection is given up.
            pause: seconds before the first try to connect again.

        Raises:
            UserError: the source is not there, or has no video.
        """
        self.kind: Kind = _kind_of(source)
        self.rate, self.dropped, self.connections, self.trouble = fps, 0, 0, ""
        self._source, self._form, self._fps, self._lag = source, form, fps, lag
        self._once, self._tries, self._seconds, self._pause = once or self.kind == "pipe", tries, seconds, pause
        self._waiting: deque[LiveFrame] = deque()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._over = False
        self._began = time.monotonic()
        self._size: tuple[int, int] | None = None
        self._last = 0.0
        video = self._connect()
        self._thread = threading.Thread(target=self._read, args=(video,), daemon=True, name="recircle-live")
        self._thread.start()

    @property
    def ended_well(self) -> bool:
        """Whether the last connection came to an end of its own, after frames."""
        return self.trouble == _ENDED

    def frames(self) -> Iterator[LiveFrame]:
        """Yield the frames as they come, until the source ends for good or `stop` is called."""
        while True:
            with self._changed:
                while not self._waiting and not self._over and not self._stop.is_set():
                    # in parts, so that signals are handled
                    self._changed.wait(0.1)
                if self._stop.is_set() or not self._waiting:
                    return
                frame = self._waiting.popleft()
                self._changed.notify_all()
            yield frame

    def stop(self) -> None:
        """Let `frames` end; also from a handler of signals."""
        self._stop.set()

    def _read(self, video: Video) -> None:
        """Read until the end; what a thread raises nobody sees, so that it is kept as the trouble."""
        failed = 0
        current: Video | None = video
        while not self._stop.is_set():
            if current is not None:
                came = 0
                try:
                    for frame in self._frames(current):
                        self._put(frame)
                        failed, came = 0, came + 1
                        if self._stop.is_set():
                            break
                    self.trouble = _ENDED if came else "no frame came"
                except DecodeError as error:
                    self.trouble = error.reason
                except Exception as error:  # whatever a library makes of a stream
                    self.trouble = f"{type(error).__name__}: {error}"
                current.container.close()
            failed += 1
            if self._once or failed > self._tries or self._stop.wait(min(self._pause * 2 ** (failed - 1), _PAUSES[1])):
                break
            try:
                current = self._connect()
            except UserError as error:
                current, self.trouble = None, str(error)
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _frames(self, video: Video) -> Iterator[LiveFrame]:
        """Yield the frames of one connection."""
        # those of a later connection come after the time without one
        base = 0.0 if self.connections == 1 else max(self._last, time.monotonic() - self._began)
        frames = (frame for frame in video.packets() if not isinstance(frame, str))
        first = [(frame, time.monotonic()) for frame in islice(frames, _FIRST)]
        if not first:
            return
        if self.connections == 1:
            self._began = first[0][1]
        times = usable_times([frame for frame, _ in first])
        # of a source that says nothing of time, frames are shown when they come
        clock = None if times == "counted" and not self.rate else RunningClock(times, self.rate)
        self._size = self._size or (first[0][0].width, first[0][0].height)
        for frame, arrived in chain(first, _arriving(frames)):
            shown, end = (arrived - first[0][1], None) if clock is None else clock.place(frame)
            self._last = base + shown
            image = video.to_rgb(frame, *self._size)
            yield LiveFrame(image, self._last, None if end is None else base + end, arrived)

    def _put(self, frame: LiveFrame) -> None:
        with self._changed:
            if self.kind == "pipe":
                while len(self._waiting) >= _WAITING and not self._stop.is_set():
                    self._changed.wait(0.1)
            else:
                while self._waiting and frame.time - self._waiting[0].time > self._lag:
                    self._waiting.popleft()
                    self.dropped += 1
            self._waiting.append(frame)
            self._changed.notify_all()

    def _connect(self) -> Video:
        """Open the source.

        Raises:
            UserError: it is not there, or has no video.
        """
        options = {"rtsp_transport": "tcp"} if self._source.startswith("rtsp") else {}
        form = self._form or ("v4l2" if self.kind == "camera" and sys.platform == "linux" else None)
        # without a buffer of Python's own, whose lock a thread that waits would hold at the end of the program
        given: Any = os.fdopen(os.dup(0), "rb", buffering=0) if self._source == "-" else self._source
        try:
            container = av.open(given, format=form, options=options, metadata_errors="replace", timeout=self._timeout())
        except MEDIA_ERRORS as error:
            raise UserError(f"{self._name()} cannot be opened: {describe(error)}") from None
        assert isinstance(container, InputContainer)
        try:
            video = choose_stream(container, Path(self._name()), 2**62)
        except DecodeError as error:
            container.close()
            raise UserError(f"{self._name()}: {error.reason}") from None
        self.connections += 1
        self.rate = self._fps or video.fps
        return video

    def _timeout(self) -> float | None:
        # who writes into a pipe may take their time
        return None if self.kind == "pipe" else self._seconds

    def _name(self) -> str:
        return "standard input" if self._source == "-" else self._source


def _arriving(frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, float]]:
    for frame in frames:
        yield frame, time.monotonic()


def _kind_of(source: str) -> Kind:
    if source == "-":
        return "pipe"
    if _URL.match(source):
        return "network"
    try:
        mode = os.stat(source).st_mode  # noqa: PTH116 (a name may be no path of this system)
    except (OSError, ValueError):
        raise UserError(
            f"{source} is not there: give a camera such as /dev/video0, a URL such as rtsp://HOST/PATH, a file or a "
            "named pipe, or - for standard input"
        ) from None
    if stat.S_ISDIR(mode):
        raise UserError(f"{source} is a folder; `recircle timeline` takes folders of frames")
    return "camera" if stat.S_ISCHR(mode) else "pipe"
