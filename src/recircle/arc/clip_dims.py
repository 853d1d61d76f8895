"""Where time, space and channels lie in a tensor, and the few operations on them that an ARC layer needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.arc.config import Aggregation, Pooling
from recircle.arc.running import RunningPool
from recircle.arc.workspace import Allocate

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@dataclass(frozen=True)
class ClipDims:
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
        if not self.framewise:
            return x
        return x[0] if _is_single(x) else x.flatten(0, 1)

    def unfold(self, x: Tensor, like: Tensor) -> Tensor:
        """Undo `fold`, taking B and T from `like`."""
        if not self.framewise:
            return x
        return x.unsqueeze(0) if _is_single(like) else x.unflatten(0, like.shape[:2])

    def pointwise(self, x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
        """Apply a matrix [rows, C] to the channels of `x`: a 1x1 convolution, or a product for tokens."""
        pooled = any(_is_one(x.shape[d]) for d in (self.time, *self.space))
        if pooled or self.channel == x.dim() - 1:
            # torch's convolutions of tensors that small are slow
            return F.linear(x.movedim(self.channel, -1), matrix, bias).movedim(-1, self.channel)
        folded = self.fold(x)
        ones = (1,) * (folded.dim() - 2)
        return self.unfold(_CONVOLUTIONS[len(ones)](folded, matrix.reshape(*matrix.shape, *ones), bias), x)

    def pointwise_onto(self, total: Tensor, x: Tensor, matrix: Tensor) -> Tensor:
        """Return total + pointwise(x, matrix)."""
        if self.channel < x.dim() - 1:
            return total + self.pointwise(x, matrix)
        # a compiler makes an addition anew wherever it is read, products and all, but not a product
        return torch.addmm(total.flatten(0, -2), x.flatten(0, -2), matrix.t()).view(total.shape)

    def accumulate(self, total: Tensor, x: Tensor, matrix: Tensor, *, first: bool) -> None:
        """Write a product of `pointwise` to `total`, or add it where it is not the first; not differentiable."""
        rows, sums = x.movedim(self.channel, -1), total.movedim(self.channel, -1)
        if not (rows.is_contiguous() and sums.is_contiguous()):
            product = self.pointwise(x, matrix)
            (total.copy_ if first else total.add_)(product)
            return
        rows, sums = rows.flatten(0, -2), sums.flatten(0, -2)
        if first:
            torch.mm(rows, matrix.t(), out=sums)
        else:
            torch.addmm(sums, rows, matrix.t(), out=sums)

    def add(self, x: Tensor, term: Tensor, out: Tensor | None = None, over: Sequence[int] = ()) -> Tensor:  # noqa: ARG002
        """Return x + term, written to `out` (not differentiable) if that is given.

        `term` is brought to the positions of `x` by nearest neighbour; its dimensions of size 1 are broadcast. `over`
        are the dimensions that it was pooled over, for layouts in which that cannot be seen.
        """
        shape, ones = x.shape, [d for d, small in enumerate(term.shape) if _is_one(small)]
        if torch.compiler.is_exporting():
            # what runs exported files resizes faster than it adds in more dimensions
            return torch.add(x, self.resize(term, x, ones))
        if any(not _is_whole(small, large) for small, large in zip(term.shape, shape)):
            term = self.resize(term, x, ones)
        # where each position stands for a whole number of others, views say so and nothing is copied
        for d in reversed(range(x.dim())):
            small, large = term.shape[d], x.shape[d]
            if not _is_one(small) and small != large:
                x = x.unflatten(d, (small, large // small))
                out = None if out is None else out.unflatten(d, (small, large // small))
                term = term.unsqueeze(d + 1)
        return torch.add(x, term, out=out).reshape(shape)

    def pointwise_rows(self, x: Tensor, matrix: Tensor) -> Tensor:
        """Compute `pointwise` as one matrix product over all positions."""
        return F.linear(x.movedim(self.channel, -1), matrix).movedim(-1, self.channel)

    def weight_grad(self, x: Tensor, y: Tensor) -> Tensor:
        """Return sum over all positions of x y^T, [channels of x, channels of y]."""
        rows = [z.movedim(self.channel, -1).flatten(0, -2) for z in (x, y)]
        return rows[0].t() @ rows[1]

    def resize_backward(self, grad: Tensor, like: Tensor, pooled: Sequence[int] = ()) -> Tensor:
        """Return the gradient of `resize` from positions of `like` to those of `grad`."""
        shape = [grad.shape[d] if d == self.channel else size for d, size in enumerate(like.shape)]
        if shape == list(grad.shape):
            return grad
        if any(large % small for small, large in zip(shape, grad.shape)):
            with torch.enable_grad():
                source = like.new_empty(shape).requires_grad_()
                return torch.autograd.grad(self.resize(source, grad, pooled), source, grad)[0]
        for d, (small, large) in enumerate(zip(shape, grad.shape)):
            if small != large:
                parts = grad.unflatten(d, (small, large // small)).unbind(d + 1)
                grad = torch.add(parts[0], parts[1])
                for part in parts[2:]:
                    grad.add_(part)
        return grad

    def sum(self, x: Tensor, dims: tuple[int, ...]) -> Tensor:
        """Sum over whole dimensions, which stay with size 1."""
        if not dims:
            return x
        rows = x.movedim(self.channel, -1)
        if dims == self.space and self.channel < dims[0] and rows.is_contiguous():
            # as a matrix product, which is several times as fast on a CPU as the reduction of outer dimensions
            flat = rows.flatten(rows.dim() - 1 - len(dims), -2)
            summed = flat.new_ones(1, flat.shape[-2]) @ flat
            return summed.unflatten(-2, (1,) * len(dims)).movedim(-1, self.channel)
        if dims == (self.time,) and self.channel > self.time and rows.is_contiguous():
            return (
                rows.flatten(self.time + 1)
                .sum(self.time)
                .view(rows.select(self.time, 0).shape)
                .unsqueeze(self.time)
                .movedim(-1, self.channel)
            )
        return x.sum(dims, keepdim=True)

    def pool_backward(
        self,
        grad: Tensor,
        x: Tensor,
        pooled: Tensor,
        dims: tuple[int, ...],
        pooling: Pooling,
        like: Tensor,
        onto: Tensor | None = None,
    ) -> Tensor:
        """Return the gradient of `pool`; a maximum's is shared by all places that have it, as in `torch.amax`.

        It is added to `onto`, and that returned, where this is given.
        """
        if pooling == "max" and x.dtype.itemsize >= 4:
            # as numbers and not as truth values, which sums and products would convert first
            places = torch.eq(x, pooled, out=torch.empty_like(x))
            shared = grad / self.sum(places, dims)
            return places.mul_(shared) if onto is None else onto.addcmul_(places, shared)
        if pooling == "max":
            # the places that share a maximum can be more than half precision counts
            places = x == pooled
            found = places * (grad / places.sum(dims, keepdim=True))
        else:
            with torch.enable_grad():
                source = x.detach().requires_grad_()
                found = torch.autograd.grad(self.pool(source, dims, pooling, like), source, grad)[0]
        return found if onto is None else onto.add_(found)

    def empty(self, like: Tensor, channels: int, allocate: Allocate) -> Tensor:
        """Return an uninitialised tensor in the memory format of `like`, with another number of channels."""
        order = list(range(like.dim()))
        if like.movedim(self.channel, -1).is_contiguous():
            order.append(order.pop(self.channel))
        shape = [channels if d == self.channel else like.shape[d] for d in order]
        return allocate(shape, like).permute([order.index(d) for d in range(like.dim())])

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

    def running(self, x: Tensor, pooling: Pooling, pools: RunningPool) -> Tensor:
        """Pool the values of each frame with those of the frames before it."""
        rows = x.movedim(self.channel, -1)
        if rows.is_contiguous() and not pools.remembers:
            # so that the result lies in memory as the features do
            return pools.over(rows, self.time - (self.time > self.channel), pooling).movedim(-1, self.channel)
        return pools.over(x, self.time, pooling)

    def shares(self, x: Tensor, d: int, like: Tensor) -> Tensor | None:
        """Return how often each position of dimension `d` appears in `x` resized to the size of `like`.

        As a share of all, in the shape that broadcasts with `x`; None where all appear equally often.
        """
        if like.shape[d] % x.shape[d] == 0:
            return None
        return _shares(x.shape[d], like.shape[d], x).view([-1 if e == d else 1 for e in range(x.dim())])

    def resize(self, x: Tensor, like: Tensor, pooled: Sequence[int] = ()) -> Tensor:
        """Bring `x` to the positions of `like` by nearest neighbour; pooled dimensions stay of size 1."""
        dims = self.space if self.framewise else (self.time, *self.space)
        size = [1 if d in pooled else like.shape[d] for d in dims]
        if all(x.shape[d] == s for d, s in zip(dims, size)):
            return x
        place = 2 if self.framewise else 1
        x = x.movedim(self.channel, place)
        return self.unfold(F.interpolate(self.fold(x), size=size, mode="nearest"), x).movedim(place, self.channel)

    def channels_last(self) -> "ClipDims":
        """Return the clip_dims of tensors whose channels were moved behind all other dimensions."""
        time, *space = [d - (d > self.channel) for d in (self.time, *self.space)]
        return ClipDims(time, space[-1] + 1, tuple(space), self.framewise)


def part(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return a stretch of `x`; the whole is `x` itself, since the gradient of a view would be copied."""
    return x if length == x.shape[dim] else x.narrow(dim, start, length)


def _is_single(x: Tensor) -> bool:
    """Tell whether there is one clip alone, whose frames are a view that keeps its strides; see `layers.frames`."""
    return not torch.compiler.is_compiling() and x.shape[0] == 1


def _is_one(size: int) -> bool:
    # a capture that does not know a length has a symbol for it, which must not decide
    return isinstance(size, int) and size == 1


def _is_whole(small: int, large: int) -> bool:
    """Tell whether each of `small` positions stands for a whole number of `large` ones."""
    known = isinstance(small, int) and isinstance(large, int)
    return _is_one(small) or small == large or (known and large % small == 0)


def _shares(source: int, target: int, like: Tensor) -> Tensor:
    """Return the share of `target` positions that nearest-neighbour resizing takes from each of `source`."""
    positions = torch.arange(source, device=like.device)
    taken = F.interpolate(positions.float().reshape(1, 1, -1), size=target, mode="nearest").reshape(-1, 1)
    return (taken == positions).sum(0).to(like.dtype) / target


FRAMES_1D = ClipDims(time=1, channel=2, space=(3,), framewise=True)
FRAMES_2D = ClipDims(time=1, channel=2, space=(3, 4), framewise=True)
VOLUME_3D = ClipDims(time=2, channel=1, space=(3, 4), framewise=False)
TOKENS = ClipDims(time=1, channel=3, space=(2,), framewise=True)
