"""A source that goes on now through a stream: windows as soon as they are complete, and how late they are."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from recircle.decode.live import LiveSource
from recircle.inference.recognizer import Recognizer
from recircle.inference.stream import Stream, Window


@dataclass(frozen=True)
class Seen:
    """A window of a source.

    Attributes:
        window: what was recognised.
        latency: seconds from when the frame that completed it was decoded here to when it was recognised; of the last
            windows of a source, from its last frame.
        dropped: frames that were dropped so far.
    """

    window: Window
    latency: float
    dropped: int

    def to_dict(self, top: int) -> dict[str, Any]:
        """Return plain values for JSON: what `Window.to_dict` has, latency and dropped."""
        return {**self.window.to_dict(top), "latency": round(self.latency, 4), "dropped": self.dropped}


def watch(recognizer: Recognizer, source: LiveSource, *, window: float, stride: float | None = None) -> Iterator[Seen]:
    """Recognise a source until it ends, or is told to stop; what is left of the last window comes at the end.

    Args:
        recognizer: what recognises.
        source: what is watched.
        window: see `Recognizer.stream`.
        stride: likewise.
    """
    stream: Stream | None = None
    arrived, end = 0.0, None
    for frame in source.frames():
        stream = stream or recognizer.stream(window=window, stride=stride, fps=source.rate)
        arrived, end = frame.arrived, frame.end
        yield from _seen(stream.push(frame.image, frame.time), arrived, source)
    if stream is not None:
        yield from _seen(stream.finish(end), arrived, source)


def watch_online(recognizer: Recognizer, source: LiveSource, *, every: float | None = None) -> Iterator[Seen]:
    """Recognise a source with a causal network, frame by frame: after each frame that it sees, all of them so far.

    Args:
        recognizer: what recognises.
        source: what is watched.
        every: see `Recognizer.online`.
    """
    online = recognizer.online(every=every)
    start: float | None = None
    for frame in source.frames():
        start, before = frame.time if start is None else start, online.frames
        recognition = online.push(frame.image, frame.time)
        if online.frames > before:
            window = Window(number=before, start=start, end=frame.time, frames=online.frames, recognition=recognition)
            yield from _seen([window], frame.arrived, source)


def _seen(windows: list[Window], arrived: float, source: LiveSource) -> Iterator[Seen]:
    for window in windows:
        yield Seen(window, time.monotonic() - arrived, source.dropped)
