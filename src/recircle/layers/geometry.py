"""Where time, space and channels lie in a tensor, and the few operations on them that an ARC layer needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.layers.config import Aggregation, Pooling

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@dataclass(frozen=True)
class Geometry:
    """The dimensions of an operator's input and output.

    Attributes:
        time: dimension of the frames.
        channel: dimension of the channels.
        space: dimensions of the positions inside a frame.
        framewise: the operator sees single frames, so [B, T, ...] is folded to [B T, ...] for it.
    """

    time: int
    channel: int
    space: tuple[int, ...]
    framewise: bool

    def fold(self, x: Tensor) -> Tensor:
        """Bring a clip into the form that the operator takes."""
        return x.flatten(0, 1) if self.framewise else x

    def unfold(self, x: Tensor, like: Tensor) -> Tensor:
        """Undo `fold`, taking B and T from `like`."""
        return x.unflatten(0, like.shape[:2]) if self.framewise else x

    def mix(self, x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
        """Apply a matrix [rows, C] to the channels of `x`: a 1x1 convolution, or a product for tokens."""
        pooled = any(x.shape[d] == 1 for d in (self.time, *self.space))
        if pooled or self.channel == x.dim() - 1:
            # torch's convolutions of tensors that small are slow
            return F.linear(x.movedim(self.channel, -1), matrix, bias).movedim(-1, self.channel)
        folded = self.fold(x)
        ones = (1,) * (folded.dim() - 2)
        return self.unfold(_CONVOLUTIONS[len(ones)](folded, matrix.reshape(*matrix.shape, *ones), bias), x)

    def concat(self, parts: Sequence[Tensor]) -> Tensor:
        """Concatenate over the channels; done folded, where torch keeps the channels-last memory format."""
        channel = self.channel - 1 if self.framewise else self.channel
        return self.unfold(torch.cat([self.fold(part) for part in parts], channel), parts[0])

    def pooled_dims(self, aggregation: Aggregation) -> list[tuple[int, ...]]:
        """Return, for each pooled tensor of an aggregation, the dimensions it pools over."""
        space, time = self.space, (self.time,)
        return {"S": [space], "T": [time], "ST": [time + space], "S+T": [space, time]}[aggregation]

    def pool(self, x: Tensor, dims: tuple[int, ...], pooling: Pooling, like: Tensor) -> Tensor:
        """Pool `x` over `dims`, which stay as dimensions of size 1.

        The mean is that of `x` resized to the size of `like`, as published; `x` itself is never resized for it.
        """
        # One dimension at a time, with all that lies inside it as one long row: on a CPU torch reduces outer dimensions
        # of rows ten times faster than those of a strided tensor.
        order = [d for d in range(x.dim()) if d != self.channel] + [self.channel]
        x = x.permute(order)
        for d in dims:
            place = order.index(d)
            rows, inside = x.flatten(place + 1), x.shape[place + 1 :]
            if pooling == "max":
                pooled = rows.amax(place)
            elif like.shape[d] % rows.shape[place] == 0:
                pooled = rows.mean(place)
            else:
                share = _shares(rows.shape[place], like.shape[d], rows)
                pooled = (rows * share.unsqueeze(1)).sum(place)
            x = pooled.unflatten(-1, inside).unsqueeze(place)
        return x.permute([order.index(d) for d in range(x.dim())])

    def resize(self, x: Tensor, like: Tensor, pooled: Sequence[int] = ()) -> Tensor:
        """Bring `x` to the positions of `like` by nearest neighbour; pooled dimensions stay of size 1."""
        dims = self.space if self.framewise else (self.time, *self.space)
        size = [1 if d in pooled else like.shape[d] for d in dims]
        if all(x.shape[d] == s for d, s in zip(dims, size)):
            return x
        return self.unfold(F.interpolate(self.fold(x), size=size, mode="nearest"), x)


def _shares(source: int, target: int, like: Tensor) -> Tensor:
    """Return the share of `target` positions that nearest-neighbour resizing takes from each of `source`."""
    positions = torch.arange(source, device=like.device)
    taken = F.interpolate(positions.float().reshape(1, 1, -1), size=target, mode="nearest").reshape(-1, 1)
    return (taken == positions).sum(0).to(like.dtype) / target


FRAMES_1D = Geometry(time=1, channel=2, space=(3,), framewise=True)
FRAMES_2D = Geometry(time=1, channel=2, space=(3, 4), framewise=True)
VOLUME_3D = Geometry(time=2, channel=1, space=(3, 4), framewise=False)
TOKENS = Geometry(time=1, channel=3, space=(2,), framewise=True)
