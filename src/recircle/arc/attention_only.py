"""An ARC layer without recursive fusion in training: of large states it keeps the input and pooled maps alone.

A state is then X plus attention, which has one value for all positions that were pooled, so it is made again in the
backward pass by one addition. Operators, norms and activations are ordinary nodes of autograd's graph. Features that
are pooled over space and over time are rows of one matrix, so that a step is few nodes: in narrow networks these cost
more than arithmetic.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from recircle import torch_internals
from recircle.arc.clip_dims import ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.forms import ANY, Form
from recircle.arc.matrices import ArcMatrices
from recircle.arc.pooled_rows import PooledRows, pool_to_rows
from recircle.arc.running import RunningPool
from recircle.arc.steps import Steps

SMALL = 4 << 20
"""Bytes of a state below which it is kept: there a call costs more time than its memory is worth."""

ATTENTION_ONLY = Form(
    {
        "steps": ANY,
        "attention": {True},
        "fusion": {False},
        "embedding": {None, False},
        "pooling": {"max", "mean"},
        "aggregation": {"S", "T", "ST", "S+T"},
        "interaction": {"additive"},
        "attention_module": {"fc"},
        "negative_slope": ANY,
        "feedback": {"norm_act", "operator"},
        "attention_init": ANY,
        "signed_input": {False},
        "causal": ANY,
    }
)
"""What `forward_attention_only` knows."""


@cache
def only_attends(config: ArcConfig, steps: Steps) -> bool:
    """Tell whether `forward_attention_only` knows this variant, and every step reads all channels."""
    return ATTENTION_ONLY.takes(config) and len(set(steps.inputs)) == 1


def forward_attention_only(
    x: Tensor,
    matrices: ArcMatrices,
    generate: Callable[[int, Tensor], Tensor],
    config: ArcConfig,
    steps: Steps,
    clip_dims: ClipDims,
    running: RunningPool,
) -> Tensor:
    """Compute what `recurse` does, differentiable once.

    Args:
        x: the input X.
        matrices: see `recurse`, like the others; of the dtype of `x`.
        generate: as in `recurse`, but from a folded clip to a folded clip.
        config: a variant that `only_attends`.
        steps: see `recurse`.
        clip_dims: see `recurse`.
        running: see `recurse`.
    """
    assert isinstance(matrices.attention, Tensor)
    columns: Sequence[Tensor] = (matrices.attention.t(),)
    if config.steps > 2:
        # a split into one part would be copied in the backward pass
        columns = columns[0].split(steps.width)
    small = x.numel() * x.element_size() < SMALL
    features = [generate(0, clip_dims.fold(x))]
    rows = PooledRows.of(clip_dims.unfold(features[0].detach(), x), config, clip_dims)
    maps: Tensor | None = None
    for j in range(1, config.steps):
        pooled = pool_to_rows(features[-1].to(x.dtype), rows, config, x, running)
        maps = torch.mm(pooled, columns[j - 1]) if maps is None else torch.addmm(maps, pooled, columns[j - 1])
        state: Tensor = _State.apply(rows, config.negative_slope, small, x, maps)  # pyright: ignore[reportAssignmentType]
        if small:
            features.append(generate(j, state))
            continue
        with torch.autograd.graph.saved_tensors_hooks(_Remade.instead_of(state), _unpack):
            features.append(generate(j, state))
    return clip_dims.unfold(torch.cat(features, clip_dims.channel - clip_dims.framewise), x)


def _evolved(rows: PooledRows, slope: float, x: Tensor, maps: Tensor) -> Tensor:
    """Return phi(phi(X + A)), A being the sum of the maps, folded."""
    first, *others = rows.split(maps)
    state = rows.clip_dims.add(x, first)
    for value in others:
        rows.clip_dims.add(state, value, state)
    # phi of phi is a leaky ReLU too
    return rows.clip_dims.fold(state if slope == 1 else F.leaky_relu_(state, slope**2))


class _State(torch.autograd.Function):
    """X_{j+1}, folded, from X and the maps of A_j.

    A small one is kept, as the operator keeps it too. A large one is made again when the operator asks for it, and its
    own gradient then takes its memory.
    """

    @staticmethod
    def forward(ctx: Any, rows: PooledRows, slope: float, small: bool, x: Tensor, maps: Tensor) -> Tensor:
        ctx.rows, ctx.slope, ctx.small = rows, slope, small
        state = _evolved(rows, slope, x, maps)
        ctx.save_for_backward(x, maps, state if small and slope != 1 else None)
        ctx.unpacked = ctx.remade = None
        return state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        rows, dims = ctx.rows, ctx.rows.clip_dims
        x, maps, state = _unpacked(ctx)
        if ctx.slope != 1:
            # the sign of the state is that of what phi was applied to
            if ctx.small:
                grad = torch_internals.leaky_relu_backward(grad, state, ctx.slope**2)
            else:
                grad = torch_internals.leaky_relu_backward_(grad, again(ctx), ctx.slope**2)
        ctx.unpacked = ctx.remade = None
        grad = dims.unfold(grad, x)
        sums = [
            dims.resize_backward(dims.sum(grad, over), value, over) for value, over in zip(rows.split(maps), rows.over)
        ]
        return None, None, None, grad, rows.join(sums)


def again(node: Any) -> Tensor:
    """Return the large state that a node of `_State` made; the node keeps it until its own gradient is computed."""
    if node.remade is None:
        x, maps, _ = _unpacked(node)
        node.remade = _evolved(node.rows, node.slope, x, maps)
    return node.remade


def _unpacked(node: Any) -> tuple[Any, ...]:
    """Return what a node of `_State` saved, asked for once in a backward pass: gradient checkpointing insists on it."""
    if node.unpacked is None:
        node.unpacked = node.saved_tensors
    return node.unpacked


class _Remade:
    """What stands in autograd's graph for a saved state."""

    def __init__(self, node: Any, layout: tuple[Any, ...]) -> None:
        self.node, self.layout = node, layout

    @staticmethod
    def instead_of(state: Tensor) -> Callable[[Tensor], "Tensor | _Remade"]:
        """Return what replaces `state`, however it is folded, and keeps all else."""
        node, place, size = state.grad_fn, state.data_ptr(), state.numel()

        def pack(saved: Tensor) -> "Tensor | _Remade":
            if saved.data_ptr() != place or saved.numel() != size:
                return saved
            return _Remade(node, (saved.shape, saved.stride()))

        return pack


def _unpack(saved: "Tensor | _Remade") -> Tensor:
    return again(saved.node).as_strided(*saved.layout) if isinstance(saved, _Remade) else saved
