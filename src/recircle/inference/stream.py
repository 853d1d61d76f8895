"""Frames in as they come, windows out: the one way in which files, cameras and pipes are recognised over time."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import ArrayLike
from torch import Tensor

from recircle.errors import UserError
from recircle.inference.recognition import Recognition
from recircle.public import public
from recircle.timelines.windows import Span, Windows
from recircle.views.cut import cut_views
from recircle.views.in_memory import frames_in_memory
from recircle.views.views import EvalViews

Recognise = Callable[[UInt8[Tensor, "B V T 3 h w"]], list[Recognition]]


@public
@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of a video, and what was recognised there.

    Attributes:
        number: of the window, from 0; one without a frame is left out.
        start: its first moment, in seconds.
        end: its last one.
        frames: how many frames it holds; the network saw some of them, as its sampling says.
        recognition: what it made of them: what it makes of a clip of these frames.
    """

    number: int
    start: float
    end: float
    frames: int
    recognition: Recognition

    def __str__(self) -> str:
        return f"{self.start:.2f} to {self.end:.2f} s: {self.recognition}"

    def to_dict(self, k: int = 5) -> dict[str, Any]:
        """Return plain values for JSON: start, end, frames, and what `Recognition.to_dict` has."""
        return {"start": self.start, "end": self.end, "frames": self.frames, **self.recognition.to_dict(k)}


@public
class Stream:
    """Recognises frames as they come, window by window; `Recognizer.stream` makes it.

    Window k begins k strides after the first frame, and is recognised as a clip of the frames that begin in it:
    sampled, resized and cropped by the run's own protocol. It is there as soon as a frame comes that lies beyond it.
    Only the frames of the last window are kept, at the size that the network's preprocessing gives them.

    What it says depends on frames and times alone, and not on how many came with each call of `push`. A stream belongs
    to one thread.

    Attributes:
        frames: how many frames have come.
    """

    def __init__(
        self, recognise: Recognise, views: EvalViews, *, window: float, stride: float, fps: float, batch_size: int
    ) -> None:
        check_times(window, stride)
        if batch_size < 1:
            raise UserError(f"batch_size={batch_size} must be 1 or more")
        self.frames = 0
        self._recognise, self._views, self._batch_size = recognise, views, batch_size
        self._windows = Windows(window, stride, fps)
        self._ring: deque[UInt8[Tensor, "3 h w"]] = deque()
        self._waiting: list[tuple[Span, UInt8[Tensor, "V T 3 h w"]]] = []
        self._size: tuple[int, ...] | None = None
        self._last = -float("inf")
        self._finished = False

    def push(self, frames: object, times: ArrayLike) -> list[Window]:
        """Take one frame or several, and return the windows that are complete now.

        Args:
            frames: one frame, an array [H, W, 3], a tensor [3, H, W] or an image; or several, in any of the forms that
                a clip in memory has (see `Recognizer.__call__`). All frames of a stream are of one size.
            times: when each is shown, in seconds: a number for one frame, [N] for several. They do not run back.

        Raises:
            UserError: frames or times are not of these forms, or do not fit each other; or the stream is finished.
        """
        moments = np.asarray(times, np.float64)
        if self._finished:
            raise UserError("the stream is finished; make a new one with Recognizer.stream")
        if moments.ndim > 1 or not np.isfinite(moments).all():
            raise UserError(f"times={times!r}: give the second at which the frame is shown, or one for each frame")
        images = frames_in_memory([frames] if moments.ndim == 0 else frames, "what was pushed")
        moments = moments.reshape(-1)
        if len(moments) != len(images):
            raise UserError(f"{len(moments)} times for {len(images)} frames; give one for each")
        steps = np.diff(np.concatenate([[self._last], moments]))
        if (steps < 0).any():
            place = int(np.argmax(steps < 0))
            before = self._last if place == 0 else moments[place - 1]
            raise UserError(f"a frame of {moments[place]:g} s comes after one of {before:g} s; times do not run back")
        if self._size is not None and images.shape[1:] != self._size:
            sizes = " and ".join(f"{size[-1]} x {size[-2]}" for size in (images.shape, self._size))
            raise UserError(f"a frame is of another size than the first: {sizes} pixels; resize them to one")
        self._size = images.shape[1:]
        made: list[Window] = []
        for image, moment in zip(images, moments.tolist()):
            made += self._take(self._windows.add(moment))
            # a copy, since whoever gave the frame may use its memory again
            self._ring.append(self._views.preprocessing.resizer.apply(image[None])[0].clone())
            self.frames, self._last = self.frames + 1, moment
            while self.frames - len(self._ring) < self._windows.oldest:
                self._ring.popleft()
        return made

    def finish(self, end: float | None = None) -> list[Window]:
        """Return the windows that are left; nothing can be pushed any more.

        Frames that no window holds yet are in a last one, which is moved back so far that it is as long as the others.

        Args:
            end: when the last frame ends, in seconds; None takes it to last as long as the one before.
        """
        if self._finished:
            return []
        self._finished = True
        return self._take(self._windows.finish(end)) + self._run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Forget the frames; windows that are not complete are given up."""
        self._finished = True
        self._ring.clear()
        self._waiting.clear()

    def _take(self, spans: list[Span]) -> list[Window]:
        """Cut the views of windows whose frames are all there, and recognise as many as pass the network together."""
        made: list[Window] = []
        for span in spans:
            indices = self._views.sampling.test(span.times, self._views.clips)
            wanted = span.frames.start - (self.frames - len(self._ring)) + indices.flatten()
            frames = torch.stack([self._ring[place] for place in wanted.tolist()])
            self._waiting.append((span, cut_views(frames, indices, self._views)))
            if len(self._waiting) == self._batch_size:
                made += self._run()
        return made

    def _run(self) -> list[Window]:
        if not self._waiting:
            return []
        spans, views = zip(*self._waiting)
        self._waiting.clear()
        return [
            Window(number=span.number, start=span.start, end=span.end, frames=len(span.frames), recognition=recognition)
            for span, recognition in zip(spans, self._recognise(torch.stack(views)))
        ]


def check_times(window: float, stride: float) -> None:
    """Insist on lengths of time.

    Raises:
        UserError: one is not above 0, or not finite.
    """
    for name, value in (("window", window), ("stride", stride)):
        if not 0 < value < float("inf"):
            raise UserError(f"{name}={value:g}: give a number of seconds above 0")
