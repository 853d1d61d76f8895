"""Norms whose channels an ARC layer normalises step by step.

n norms of g channels are slices of one norm of c = n g channels, so a converted network keeps the norm where it was,
with its names and values; called in its old place it passes its input on.
"""

from collections.abc import Callable
from typing import Self

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recircle.layers import frames
from recircle.public import public
from recircle.torch_internals import BatchNorm, adopt

Channels = tuple[Tensor | None, ...]
"""Values of a norm for some of its channels, in the order of its functional form."""


@public
class SlicedBatchNorm(BatchNorm):
    """A batch norm that belongs to the ARC layer before it."""

    @classmethod
    def take(cls, norm: BatchNorm) -> Self:
        """Take over the parameters and buffers of `norm` (the same tensors, under the same names)."""
        new = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats, device="meta")
        adopt(new, norm)
        return new.train(norm.training)

    def normalise(
        self, x: Float[Tensor, "N g *place"], start: int, length: int, channels: Channels | None = None
    ) -> Float[Tensor, "N g *place"]:
        """Normalise [N, length, ...] as channels `start` to `start + length`; `divide` has their values."""
        mean, var, weight, bias = channels or self._slices(start, length)
        return F.batch_norm(x, mean, var, weight, bias, not self.sample_independent, self._count(start), self.eps)

    def recorded(
        self, x: Float[Tensor, "N g *place"], start: int, length: int, channels: Channels | None = None
    ) -> tuple[Float[Tensor, "N g *place"], Callable[[Tensor], Tensor]]:
        """Normalise, and return also a function that does it again with the same statistics."""
        mean, var, weight, bias = channels or self._slices(start, length)
        if not self.sample_independent:
            y, mean, scale = torch.native_batch_norm(x, weight, bias, mean, var, True, self._count(start), self.eps)
            mean, var = mean.detach(), scale.detach().pow(-2).sub(self.eps)
        else:
            y = F.batch_norm(x, mean, var, weight, bias, eps=self.eps)
        return y, lambda z: F.batch_norm(z, mean, var, weight, bias, eps=self.eps)

    @property
    def sample_independent(self) -> bool:
        """Whether a sample's result is the same whatever other samples are beside it."""
        return not self.training and self.running_mean is not None

    def divide(self, length: int) -> list[Channels]:
        """Return the values of each `length` channels; the gradient is a concatenation, not a sum of padded slices."""
        parts = [[None] * (self.num_features // length) if v is None else v.split(length) for v in self._values]
        return list(zip(*parts))

    @property
    def _values(self) -> Channels:
        return self.running_mean, self.running_var, self.weight, self.bias

    def _slices(self, start: int, length: int) -> Channels:
        return tuple(None if value is None else value[start : start + length] for value in self._values)

    def _count(self, start: int) -> float:
        """Count a batch, if this is its first step, and return the weight of its statistics."""
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            if start == 0:
                self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        return 0.0 if momentum is None else momentum

    def forward(self, input: Float[Tensor, "N c *place"]) -> Float[Tensor, "N c *place"]:  # noqa: A002  (torch's name)
        """Return the input: the ARC layer before has normalised it."""
        return input

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        """Take any number of dimensions."""


@public
class SlicedGroupNorm(nn.GroupNorm):
    """A group norm that belongs to the ARC layer before it; each step holds whole groups."""

    sample_independent = True

    @classmethod
    def take(cls, norm: nn.GroupNorm) -> Self:
        """Take over the parameters of `norm` (the same tensors, under the same names)."""
        new = cls(norm.num_groups, norm.num_channels, norm.eps, norm.affine, device="meta")
        adopt(new, norm)
        return new.train(norm.training)

    def normalise(
        self, x: Float[Tensor, "N g *place"], start: int, length: int, channels: Channels | None = None
    ) -> Float[Tensor, "N g *place"]:
        """Normalise [N, length, ...] as channels `start` to `start + length`; `divide` has their values."""
        end = start + length
        weight, bias = channels or (None, None)
        if channels is None and self.affine:
            weight, bias = self.weight[start:end], self.bias[start:end]
        return F.group_norm(x, self.num_groups * length // self.num_channels, weight, bias, self.eps)

    def recorded(
        self, x: Float[Tensor, "N g *place"], start: int, length: int, channels: Channels | None = None
    ) -> tuple[Float[Tensor, "N g *place"], Callable[[Tensor], Tensor]]:
        """Normalise, and return also a function that does it again."""
        return self.normalise(x, start, length, channels), lambda z: self.normalise(z, start, length, channels)

    def divide(self, length: int) -> list[Channels]:
        """Return the values of each `length` channels."""
        if not self.affine:
            return [(None, None)] * (self.num_channels // length)
        return list(zip(self.weight.split(length), self.bias.split(length)))

    def forward(self, input: Float[Tensor, "N c *place"]) -> Float[Tensor, "N c *place"]:  # noqa: A002
        """Return the input: the ARC layer before has normalised it."""
        return input


SlicedNorm = SlicedBatchNorm | SlicedGroupNorm


def slice_norm(norm: nn.Module, steps: int) -> SlicedNorm | None:
    """Return the sliced form of `norm`, or None if its slices would not be independent of one another."""
    if type(norm) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, frames.BatchNorm2d):
        assert isinstance(norm, BatchNorm)
        return SlicedBatchNorm.take(norm)
    if type(norm) is nn.GroupNorm and norm.num_groups % steps == 0:
        return SlicedGroupNorm.take(norm)
    return None


def is_elementwise(module: nn.Module) -> bool:
    """Tell whether `module` is a parameter-free activation that acts on each value alone."""
    return type(module) in _ELEMENTWISE


_ELEMENTWISE = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Hardsigmoid,
    nn.Hardtanh, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softsign,
)  # fmt: skip
