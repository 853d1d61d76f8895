"""The layer as exported files have it: frames in the batch, [B T, C, ...], and all products as 1x1 convolutions.

What runs such files lays tensors of up to four dimensions out as its convolutions want them, and others anew at each
change of shape; and it knows a convolution that is followed by sums and activations as one operation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.arc.clip_dims import FRAMES_1D, FRAMES_2D, ClipDims
from recircle.arc.config import ArcConfig, Pooling
from recircle.arc.running import RunningPool

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d}


@dataclass(frozen=True)
class FoldedFrames(ClipDims):
    """The dimensions of folded frames: `time` is that of the batch, in which the frames of a clip are neighbours.

    What is pooled over time has one entry for each clip there.

    Attributes:
        clips: B.
        frames: T.
    """

    clips: int
    frames: int

    @classmethod
    def of(cls, x: Tensor, clip_dims: ClipDims, config: ArcConfig) -> Self | None:
        """Return the layout of a clip [B, T, C, ...] once it is folded; None where the layer cannot be computed so."""
        if clip_dims not in (FRAMES_1D, FRAMES_2D) or config.pooling not in ("max", "mean"):
            return None
        space = tuple(range(2, x.dim() - 1))
        return cls(time=0, channel=1, space=space, framewise=False, clips=x.shape[0], frames=x.shape[1])

    def pointwise(self, x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
        """Apply a matrix [rows, C] to the channels of `x`."""
        ones = (1,) * (x.dim() - 2)
        return _CONVOLUTIONS[len(ones)](x, matrix.reshape(*matrix.shape, *ones), bias)

    def pointwise_onto(self, total: Tensor, x: Tensor, matrix: Tensor) -> Tensor:
        """Return total + pointwise(x, matrix)."""
        if total is x:
            # of constants, so that it is one product
            return self.pointwise(x, matrix + torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device))
        return total + self.pointwise(x, matrix)

    def add(self, x: Tensor, term: Tensor, out: Tensor | None = None, over: Sequence[int] = ()) -> Tensor:
        """Return x + term; `term` was pooled over the dimensions `over`."""
        assert out is None
        return x + self.resize(term, x, over)

    def pool(self, x: Tensor, dims: tuple[int, ...], pooling: Pooling, like: Tensor) -> Tensor:
        """Pool over whole dimensions; those of space stay with size 1."""
        space = [d for d in dims if d != self.time]
        if pooling == "mean":
            for d in space:
                share = self.shares(x, d, like)
                x = x.mean(d, keepdim=True) if share is None else (x * share).sum(d, keepdim=True)
        elif space:
            x = x.amax(space, keepdim=True)
        if self.time in dims:
            rows = x.reshape(self.clips, self.frames, -1)
            rows = rows.amax(1) if pooling == "max" else rows.mean(1)
            x = rows.reshape(self.clips, *x.shape[1:])
        return x

    def running(self, x: Tensor, pooling: Pooling, pools: RunningPool) -> Tensor:
        """Pool the values of each frame with those of the frames before it."""
        return pools.over(x.unflatten(0, (self.clips, self.frames)), 1, pooling).flatten(0, 1)

    def resize(self, x: Tensor, like: Tensor, pooled: Sequence[int] = ()) -> Tensor:
        """Bring `x` to the positions of `like` by nearest neighbour, and what is pooled over time to each frame."""
        size = [1 if d in pooled else like.shape[d] for d in self.space]
        if any(x.shape[d] != s for d, s in zip(self.space, size)):
            x = F.interpolate(x, size=size, mode="nearest")
        if self.time in pooled:
            # picked, since to expand asks whether there is one frame, which a capture for any number must not know
            x = x.index_select(0, torch.arange(self.clips * self.frames, device=x.device) // self.frames)
        return x
