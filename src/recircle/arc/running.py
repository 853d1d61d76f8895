"""Running maxima and means over the frames of a clip: what a layer pools over time that looks back alone."""

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.arc.config import Pooling
from recircle.layers.memory import Memory

MOST_FRAMES = 1024
"""T of the longest clip whose running maximum an exported file can take."""

_NAMES = {"max": "maximum", "mean": "mean"}


class RunningPool:
    """The running pools of one layer in one call, the first for the features of the first step, and so on."""

    def __init__(self, memory: Memory | None = None) -> None:
        """Begin a clip; or go on after the frame before, which `memory` knows."""
        self._memory, self._steps = memory, 0

    @property
    def remembers(self) -> bool:
        """Whether there is a frame before."""
        return self._memory is not None

    def over(self, frames: Tensor, time: int, pooling: Pooling) -> Tensor:
        """Return for each frame the pool of all up to it.

        Args:
            frames: at least one along the dimension `time`; a single one where there is a memory.
            time: the dimension.
            pooling: "max" or "mean".
        """
        self._steps += 1
        if self._memory is not None:
            return self._next(frames.select(time, 0), pooling, self._memory).unsqueeze(time)
        if torch.compiler.is_exporting():
            return _running_maximum(frames, time) if pooling == "max" else _running_mean(frames, time)
        now: Tensor | None = None
        values: list[Tensor] = []
        for number, frame in enumerate(frames.unbind(time), start=1):
            now = frame if now is None else _with(now, frame, pooling, number)
            values.append(now)
        return torch.stack(values, time)

    def _next(self, frame: Tensor, pooling: Pooling, memory: Memory) -> Tensor:
        name = f"step{self._steps}.{_NAMES[pooling]}"
        # a number, so that a state can be checked, and written as text
        start = torch.finfo(frame.dtype).min if pooling == "max" else 0.0
        before = memory.read(name, frame.shape, start, frame)
        now = _with(before, frame, pooling, memory.count(frame.dim()))
        memory.write(name, now)
        return now


def _with(before: Tensor, frame: Tensor, pooling: Pooling, number: int | Tensor) -> Tensor:
    """Return the pool of the frames before and of the next one, whose number is given, from 1."""
    # the frame first: the result lies in memory as it does, which is as the convolutions make it
    if pooling == "max":
        return torch.maximum(frame, before)
    # a sum would lose its last digits in a long video, where the mean keeps its size
    return (frame - before) / number + before


def _running_mean(frames: Tensor, time: int) -> Tensor:
    """Compute the running mean for any number of frames, known or not."""
    shape = [-1 if d == time else 1 for d in range(frames.dim())]
    numbers = torch.arange(frames.shape[time], device=frames.device).to(frames.dtype) + 1
    return frames.cumsum(time) / numbers.view(shape)


def _running_maximum(frames: Tensor, time: int) -> Tensor:
    """Compute the running maximum for any number of frames up to `MOST_FRAMES`, known or not.

    After k rounds a frame has the maximum of 2^k frames. Formats for exported networks have no running maximum.
    """
    distance, count = 1, frames.shape[time]
    while distance < MOST_FRAMES:
        padding = (0, 0) * (frames.dim() - 1 - time) + (distance, 0)
        earlier = F.pad(frames, padding, value=float("-inf")).narrow(time, 0, count)
        frames = torch.maximum(frames, earlier)
        distance *= 2
    return frames
