"""An ARC layer without fusion on small maps and without gradients, where calls cost more time than arithmetic.

Features of a step are pooled over space and over time into one matrix, so that one product adds both to the attention,
and every view of what is written in place is made once for all steps.
"""

from collections.abc import Callable, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.arc.clip_dims import FRAMES_2D, ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.forms import ANY, Form
from recircle.arc.matrices import ArcMatrices
from recircle.arc.recursion import recurse
from recircle.arc.running import RunningPool
from recircle.arc.steps import Steps

SMALL = 4 << 20
"""Bytes of all states of a step up to which this form is used; above, `in_place` takes clips one after the other."""

SHORT_STEPS = Form(
    {
        "steps": ANY,
        "attention": {True},
        "fusion": {False},
        "embedding": {None, False},
        "pooling": {"max", "mean"},
        "aggregation": {"S", "T", "S+T"},
        "interaction": {"additive"},
        "attention_module": {"fc"},
        "negative_slope": ANY,
        "feedback": {"norm_act", "operator"},
        "attention_init": ANY,
        "signed_input": {False},
        "causal": {False},
    }
)
"""What `forward_short_steps` knows."""


@cache
def _knows(config: ArcConfig, steps: Steps, clip_dims: ClipDims) -> bool:
    return SHORT_STEPS.takes(config) and len(set(steps.inputs)) == 1 and clip_dims == FRAMES_2D


def takes_short_steps(x: Tensor, config: ArcConfig, steps: Steps, clip_dims: ClipDims) -> bool:
    """Tell whether `forward_short_steps` knows this variant, and this input is small and has its channels last."""
    if not _knows(config, steps, clip_dims) or x.numel() * x.element_size() > SMALL:
        return False
    return x.movedim(2, -1).is_contiguous()


def forward_short_steps(
    x: Tensor, matrices: ArcMatrices, generate: Callable[[int, Tensor], Tensor], config: ArcConfig, steps: Steps
) -> Tensor:
    """Compute what `recurse` does, not differentiable.

    Args:
        x: the input X, [B, T, Cin, H, W], channels last in memory.
        matrices: see `recurse`, like the others; of the dtype of `x`.
        generate: see `recurse`.
        config: a variant that `takes_short_steps`, like `x`.
        steps: see `recurse`.
    """
    assert isinstance(matrices.attention, Tensor)
    features = [generate(0, x)]
    clips, frames, channels, height, width = x.shape
    small_height, small_width = features[0].shape[3:]
    if height % small_height or width % small_width or not features[0].movedim(2, -1).is_contiguous():
        # in another order in memory, or at positions that stand for no whole number of those of the input
        return recurse(
            x,
            lambda j, state: generate(j, state) if j else features[0],
            matrices,
            config,
            steps,
            FRAMES_2D,
            RunningPool(),
        )
    place, g = small_height * small_width, steps.width
    over_space, over_time = "S" in config.aggregation, "T" in config.aggregation
    first = clips * frames if over_space else 0
    rows = first + (clips * place if over_time else 0)
    pooled, maps = x.new_empty(rows, g), x.new_empty(rows, channels)
    state = torch.empty_like(x)
    source, target = _grid(x, small_height, small_width), _grid(state, small_height, small_width)
    terms: list[Tensor] = []
    pools: list[tuple[int, Tensor]] = []
    if over_space:
        terms.append(maps[:first].view(clips, frames, 1, 1, 1, 1, channels))
        pools.append((2, pooled[:first].view(clips, frames, g)))
    if over_time:
        terms.append(maps[first:].view(clips, 1, small_height, 1, small_width, 1, channels))
        pools.append((1, pooled[first:].view(clips, place, g)))
    reduce = torch.amax if config.pooling == "max" else torch.mean
    columns: Sequence[Tensor] = matrices.attention.t().split(g)
    slope = config.negative_slope**2
    for j in range(1, config.steps):
        # [B, T, H' W', g]
        values = features[-1].to(x.dtype).movedim(2, -1).flatten(2, 3)
        for dim, out in pools:
            reduce(values, dim, out=out)
        if j == 1:
            torch.mm(pooled, columns[0], out=maps)
        else:
            maps.addmm_(pooled, columns[j - 1])
        torch.add(source, terms[0], out=target)
        for term in terms[1:]:
            target.add_(term)
        # phi of phi is a leaky ReLU too
        if slope != 1:
            F.leaky_relu_(state, slope) if slope else state.relu_()
        features.append(generate(j, state))
    return FRAMES_2D.concat(features)


def _grid(x: Tensor, height: int, width: int) -> Tensor:
    """View [B, T, C, H, W] as [B, T, height, rows, width, columns, C]."""
    clips, frames, channels, *size = x.shape
    last = x.movedim(2, -1)
    return last.view(clips, frames, height, size[0] // height, width, size[1] // width, channels)
