"""Recursive attention (Eq. 4): what features, pooled over space and time, do to the state. All kinds of it are here.

A new way to pool is a function and its line in `POOLINGS`, with its name in `config.Pooling`; a new module in the place
of W^a is a class and its case in `Attention`, with its name in `config.AttentionModule`. Fast forms of the layer do not
take what they do not list, so the general form computes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recircle.arc.clip_dims import ClipDims, part
from recircle.arc.config import ArcConfig
from recircle.arc.fusion import RunningSum
from recircle.arc.matrices import ArcMatrices, GruWeights
from recircle.arc.pooled import Pooled, pooled_tensors
from recircle.arc.running import RunningPool
from recircle.arc.steps import Steps
from recircle.public import public


class Attention:
    """The attention of one forward pass, as the features come."""

    def __init__(
        self,
        x: Tensor,
        matrices: ArcMatrices,
        config: ArcConfig,
        steps: Steps,
        clip_dims: ClipDims,
        running: RunningPool,
    ) -> None:
        """Begin with no features.

        Args:
            x: the input X.
            matrices: with an `attention`.
            config: the variant.
            steps: of the layer.
            clip_dims: the layout of `x` and of the features.
            running: pools over time where the variant looks back alone.
        """
        weights = matrices.attention
        assert weights is not None
        self._x, self._config, self._clip_dims, self._running = x, config, clip_dims, running
        self._pool = POOLINGS[config.pooling].pool
        self._learned = None if matrices.pooling is None else list(matrices.pooling.split(steps.width))
        self._step = 0
        self._terms: list[tuple[RunningSum | _Gru, Pooled]] = [
            (_Gru(weights, clip_dims) if isinstance(weights, GruWeights) else RunningSum(weights, clip_dims, steps), p)
            for p in pooled_tensors(config, clip_dims)
        ]

    def add(self, feature: Tensor) -> None:
        """Take the features of the next step."""
        learned = None if self._learned is None else self._learned[self._step]
        self._step += 1
        for term, kind in self._terms:
            pooled = self._pool(feature, kind.dims, self._x, self._clip_dims, learned) if kind.dims else feature
            term.add(self._clip_dims.running(pooled, self._config.pooling, self._running) if kind.running else pooled)

    def applied_to(self, state: Tensor, rows: tuple[int, int]) -> Tensor:
        """Return the given rows of the state, the first and how many, with the attention of all features so far."""
        maps = [(term.at(rows), kind.dims) for term, kind in self._terms]
        if self._config.interaction == "additive":
            for value, dims in maps:
                state = self._clip_dims.add(state, value, over=dims)
            return state
        sizes = [self._clip_dims.resize(value, self._x, dims) for value, dims in maps]
        return state * torch.sigmoid(sizes[0] + sizes[1] if len(sizes) == 2 else sizes[0])


class _Gru:
    """A gated recurrent unit whose hidden state is carried over the steps."""

    def __init__(self, weights: GruWeights, clip_dims: ClipDims) -> None:
        self.weights = weights
        self.clip_dims = clip_dims
        self.hidden: Tensor | None = None

    def add(self, term: Tensor) -> None:
        pointwise, channel = self.clip_dims.pointwise, self.clip_dims.channel
        inputs = pointwise(term, self.weights.input, self.weights.input_bias).chunk(3, channel)
        hidden = torch.zeros_like(inputs[0]) if self.hidden is None else self.hidden
        carried = pointwise(hidden, self.weights.hidden, self.weights.hidden_bias).chunk(3, channel)
        reset = torch.sigmoid(inputs[0] + carried[0])
        update = torch.sigmoid(inputs[1] + carried[1])
        candidate = torch.tanh(inputs[2] + reset * carried[2])
        self.hidden = (1 - update) * candidate + update * hidden

    def at(self, rows: tuple[int, int]) -> Tensor:
        assert self.hidden is not None
        return part(self.hidden, self.clip_dims.channel, *rows)


@public
class GruParameters(nn.Module):
    """The weights of the GRU; its candidate starts at zero, so the attention does too."""

    def __init__(self, rows: int, width: int, like: Tensor) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": like.device, "dtype": like.dtype}
        bound = rows**-0.5
        self.input = nn.Parameter(torch.empty(3 * rows, width, **factory).uniform_(-bound, bound))
        self.hidden = nn.Parameter(torch.empty(3 * rows, rows, **factory).uniform_(-bound, bound))
        self.input_bias = nn.Parameter(torch.zeros(3 * rows, **factory))
        self.hidden_bias = nn.Parameter(torch.zeros(3 * rows, **factory))
        with torch.no_grad():
            self.input[2 * rows :] = 0
            self.hidden[2 * rows :] = 0

    @property
    def weights(self) -> GruWeights:
        """The same as a tuple."""
        return GruWeights(self.input, self.hidden, self.input_bias, self.hidden_bias)


Pool = Callable[[Tensor, tuple[int, ...], Tensor, ClipDims, Tensor | None], Tensor]
"""Pool features over dimensions, which stay with size 1: pool(features, dims, like, clip_dims, learned).

`like` is the input X; `learned` are the values for the channels of these features, [g], where the pooling learns any.
"""


@dataclass(frozen=True)
class Pooling:
    """A way to pool.

    Attributes:
        pool: the function.
        starts_at: the value at first of what it learns for each channel; None where it learns nothing.
    """

    pool: Pool
    starts_at: float | None = None

    def parameter(self, channels: int, like: Tensor) -> nn.Parameter | None:
        """Return what is learned, [channels], with the dtype and on the device of `like`; or None."""
        return None if self.starts_at is None else nn.Parameter(like.new_full((channels,), self.starts_at))


def _plain(
    kind: Any, x: Tensor, dims: tuple[int, ...], like: Tensor, clip_dims: ClipDims, learned: Tensor | None
) -> Tensor:
    assert learned is None
    return clip_dims.pool(x, dims, kind, like)


def soft_pool(x: Tensor, dims: tuple[int, ...], like: Tensor, clip_dims: ClipDims, learned: Tensor | None) -> Tensor:
    """Pool by sum_p w_p x_p with w = softmax(softplus(learned) x) over the positions, for each channel.

    As softplus(learned) goes from 0 to infinity, this goes from the mean to the maximum. Positions count as often as
    they appear in `x` resized to the size of `like`, as for the mean.
    """
    assert learned is not None
    precise = torch.promote_types(x.dtype, torch.float32)
    values = x.to(precise)
    shape = [-1 if d == clip_dims.channel else 1 for d in range(x.dim())]
    scores = values * F.softplus(learned.to(precise)).view(shape)
    scores = torch.exp(scores - scores.detach().amax(dims, keepdim=True))
    for d in dims:
        shares = clip_dims.shares(scores, d, like)
        scores = scores if shares is None else scores * shares
    return ((scores * values).sum(dims, keepdim=True) / scores.sum(dims, keepdim=True)).to(x.dtype)


POOLINGS: dict[str, Pooling] = {
    "max": Pooling(partial(_plain, "max")),
    "mean": Pooling(partial(_plain, "mean")),
    "soft": Pooling(soft_pool, starts_at=0.0),
}
"""By their names in `config.Pooling`."""
