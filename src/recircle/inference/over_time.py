"""A file's frames through a stream, from its beginning to its end."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recircle.decode.running import Passage, TimedFrame
from recircle.inference.stream import Stream, Window
from recircle.timelines.glimpses import Glimpser, Glimpses

# frames between two calls of `progress`
_OFTEN = 50


@dataclass(frozen=True)
class Passed:
    """What has come of a file.

    Attributes:
        windows: (start, end, frames, logits [V, K]) of each.
        seconds: when the last frame ends.
        glimpses: of the frames.
    """

    windows: list[tuple[float, float, int, NDArray[np.float32]]]
    seconds: float
    glimpses: Glimpses


def run_through(
    frames: Iterator[TimedFrame],
    passage: Passage,
    make_stream: Callable[[float], Stream],
    progress: Callable[[float, float], object] | None = None,
) -> Passed:
    """Push all frames of a file, and return what was recognised.

    Args:
        frames: of the file.
        passage: what is known of it, from the first frame on.
        make_stream: makes the stream for frames of a rate.
        progress: called now and then with the seconds done and the seconds in all.
    """
    windows: list[tuple[float, float, int, NDArray[np.float32]]] = []
    glimpser = Glimpser()
    stream: Stream | None = None
    time, before, end = 0.0, 0.0, None

    def keep(made: list[Window]) -> None:
        windows.extend((one.start, one.end, one.frames, one.recognition.logits) for one in made)

    # the process that decodes is given back at once, also where this one is interrupted
    with closing(frames):  # pyright: ignore[reportArgumentType]
        for number, frame in enumerate(frames):
            stream = stream or make_stream(passage.fps)
            before, time, end = time, frame.time, frame.end
            keep(stream.push(frame.image, frame.time))
            glimpser.look(frame.image, frame.time)
            if progress is not None and number % _OFTEN == 0:
                progress(frame.time, passage.declared)
    if stream is not None:
        keep(stream.finish(end))
    return Passed(windows, time + (time - before) if end is None else end, glimpser.glimpses())


def size_of(path: str | Path) -> int:
    """Return the bytes of a file; 0 of a folder."""
    path = Path(path)
    return path.stat().st_size if path.is_file() else 0
