"""The recursive circle: features and state by turns (Eq. 2-5 of the paper), for any operator."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.arc.clip_dims import Geometry
from recircle.arc.config import ArcConfig
from recircle.arc.steps import Steps


class GruWeights(NamedTuple):
    """A GRU over the steps, whose hidden state is the attention A_j; gates in the order reset, update, candidate."""

    input: Tensor
    """[3 rows, g]"""
    hidden: Tensor
    """[3 rows, rows]"""
    input_bias: Tensor
    """[3 rows]"""
    hidden_bias: Tensor
    """[3 rows]"""


class ArcMatrices(NamedTuple):
    """What an ARC layer adds to the original weights; None where the variant has no such term.

    Rows are the input channels of the evolving state: all of them, or for grouped convolutions those that any step
    after the first reads. The last group of features feeds nothing, so it has no columns.
    """

    embedding: Tensor | None = None
    """W^e, [rows, Cin]"""
    attention: Tensor | GruWeights | None = None
    """W^a, [rows, c - g], or the GRU in its place"""
    fusion: Tensor | None = None
    """W^f, [rows, c - g]"""


def recurse(
    x: Tensor,
    generate: Callable[[int, Tensor], Tensor],
    matrices: ArcMatrices,
    config: ArcConfig,
    steps: Steps,
    geometry: Geometry,
) -> Tensor:
    """Compute the features of all steps and concatenate them in the channel order of the original layer.

    Args:
        x: the input X, the initial state.
        generate: G_j = generate(j, X_j), the features of step j from the part of the state that it reads.
        matrices: W^e, W^a, W^f.
        config: the variant.
        steps: which channels each step reads and makes.
        geometry: the layout of `x` and of the features.

    Returns:
        Y, the concatenated features.
    """
    channel = geometry.channel
    evolving = part(x, channel, steps.first, x.shape[channel] - steps.first)
    base = evolving if matrices.embedding is None else geometry.mix_onto(evolving, x, matrices.embedding)
    rest = _rest(evolving, config) if config.signed_input else None
    attention = [
        (_attention_term(matrices.attention, geometry, steps), dims)
        for dims in geometry.pooled_dims(config.aggregation)
        if matrices.attention is not None
    ]
    fusion = None if matrices.fusion is None else _RunningSum(matrices.fusion, geometry, steps)

    features = [generate(0, part(x, channel, *steps.inputs[0]))]
    for start, length in steps.inputs[1:]:
        rows = (start - steps.first, length)
        state = part(base, channel, *rows)
        if attention:
            state = _attend(state, x, features[-1], attention, rows, config, geometry)
        state = _phi(state, config)
        if fusion is not None:
            fusion.add(features[-1])
            state = geometry.add(state, fusion.at(rows))
        state = _phi(state, config)
        if rest is not None:
            state = state + part(rest, channel, *rows)
        features.append(generate(len(features), state))
    return geometry.concat(features)


def part(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return a stretch of `x`; the whole is `x` itself, since the gradient of a view would be copied."""
    return x if length == x.shape[dim] else x.narrow(dim, start, length)


def _phi(x: Tensor, config: ArcConfig) -> Tensor:
    return F.leaky_relu(x, config.negative_slope) if config.negative_slope else F.relu(x)


def _rest(x: Tensor, config: ArcConfig) -> Tensor:
    """Return what the update takes from X when all matrices are zero; nothing where X >= 0 and A is added."""
    neutral = 0.5 * x if config.attention and config.interaction == "multiplicative" else x
    return x - _phi(_phi(neutral, config), config)


def _attend(
    state: Tensor,
    x: Tensor,
    feature: Tensor,
    attention: "list[tuple[_RunningSum | _Gru, tuple[int, ...]]]",
    rows: tuple[int, int],
    config: ArcConfig,
    geometry: Geometry,
) -> Tensor:
    maps = []
    for term, dims in attention:
        term.add(geometry.pool(feature, dims, config.pooling, x))
        maps.append((term.at(rows), dims))
    if config.interaction == "additive":
        for value, _ in maps:
            state = geometry.add(state, value)
        return state
    sizes = [geometry.resize(value, x, dims) for value, dims in maps]
    return state * torch.sigmoid(sizes[0] + sizes[1] if len(sizes) == 2 else sizes[0])


def _attention_term(weights: "Tensor | GruWeights | None", geometry: Geometry, steps: Steps) -> "_RunningSum | _Gru":
    if isinstance(weights, GruWeights):
        return _Gru(weights, geometry)
    assert weights is not None
    return _RunningSum(weights, geometry, steps)


class _RunningSum:
    """sum_{i <= j} W_i z_i: each step adds its own term, unless it reads other rows than the step before."""

    def __init__(self, matrix: Tensor, geometry: Geometry, steps: Steps) -> None:
        self.columns = matrix.split(steps.width, dim=1)
        self.geometry = geometry
        self.terms: list[Tensor] = []
        self.added = 0
        self.rows: tuple[int, int] | None = None
        self.total: Tensor | None = None

    def add(self, term: Tensor) -> None:
        self.terms.append(term)

    def at(self, rows: tuple[int, int]) -> Tensor:
        if rows != self.rows:
            self.rows, self.added, self.total = rows, 0, None
        start, length = rows
        for i in range(self.added, len(self.terms)):
            term, column = self.terms[i], part(self.columns[i], 0, start, length)
            mix, onto = self.geometry.mix, self.geometry.mix_onto
            self.total = mix(term, column) if self.total is None else onto(self.total, term, column)
        self.added = len(self.terms)
        assert self.total is not None
        return self.total


class _Gru:
    """A gated recurrent unit whose hidden state is carried over the steps."""

    def __init__(self, weights: GruWeights, geometry: Geometry) -> None:
        self.weights = weights
        self.geometry = geometry
        self.hidden: Tensor | None = None

    def add(self, term: Tensor) -> None:
        mix, channel = self.geometry.mix, self.geometry.channel
        inputs = mix(term, self.weights.input, self.weights.input_bias).chunk(3, channel)
        hidden = torch.zeros_like(inputs[0]) if self.hidden is None else self.hidden
        carried = mix(hidden, self.weights.hidden, self.weights.hidden_bias).chunk(3, channel)
        reset = torch.sigmoid(inputs[0] + carried[0])
        update = torch.sigmoid(inputs[1] + carried[1])
        candidate = torch.tanh(inputs[2] + reset * carried[2])
        self.hidden = (1 - update) * candidate + update * hidden

    def at(self, rows: tuple[int, int]) -> Tensor:
        assert self.hidden is not None
        return part(self.hidden, self.geometry.channel, *rows)
