"""An ARC layer without recursive fusion in training: of its states it keeps the input and pooled maps alone.

A state is then X plus attention, which has one value for all positions that were pooled, so it is made again in the
backward pass by one addition. Operators, norms and activations are ordinary nodes of autograd's graph.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from recircle import torch_internals
from recircle.arc.clip_dims import ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.forms import ANY, Form
from recircle.arc.matrices import ArcMatrices
from recircle.arc.pooled import Pooled, pool, pooled_tensors
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
        generate: see `recurse`.
        config: a variant that `only_attends`.
        steps: see `recurse`.
        clip_dims: see `recurse`.
        running: see `recurse`.
    """
    assert isinstance(matrices.attention, Tensor)
    # a split into one part would be copied in the backward pass
    columns = matrices.attention.split(steps.width, dim=1) if config.steps > 2 else (matrices.attention,)
    kinds = pooled_tensors(config, clip_dims)
    features = [generate(0, x)]
    maps: list[Tensor] = []
    for j in range(1, config.steps):
        terms = [_pool(features[-1].to(x.dtype), kind, config, clip_dims, x, running) for kind in kinds]
        terms = [clip_dims.pointwise(pooled, columns[j - 1]) for pooled in terms]
        maps = [total + term for total, term in zip(maps, terms)] if maps else terms
        state: Tensor = _State.apply(clip_dims, config, x, *maps)  # pyright: ignore[reportAssignmentType]
        if state.numel() * state.element_size() < SMALL:
            features.append(generate(j, state))
            continue
        with torch.autograd.graph.saved_tensors_hooks(_Remade.instead_of(state), _unpack):
            features.append(generate(j, state))
    return clip_dims.concat(features)


def _evolved(clip_dims: ClipDims, slope: float, x: Tensor, *maps: Tensor) -> Tensor:
    """Return phi(phi(X + A)), A being the sum of the maps."""
    state = x
    for value in maps:
        state = clip_dims.add(state, value)
    # phi of phi is a leaky ReLU too
    return state if slope == 1 else torch.nn.functional.leaky_relu_(state, slope**2)


class _State(torch.autograd.Function):
    """X_{j+1} from X and the maps of A_j."""

    @staticmethod
    def forward(ctx: Any, clip_dims: ClipDims, config: ArcConfig, x: Tensor, *maps: Tensor) -> Tensor:
        ctx.clip_dims, ctx.slope = clip_dims, config.negative_slope
        ctx.over = [kind.dims for kind in pooled_tensors(config, clip_dims)]
        ctx.save_for_backward(x, *maps)
        ctx.unpacked = None
        return _evolved(clip_dims, ctx.slope, x, *maps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        dims, (_, *maps) = ctx.clip_dims, _unpacked(ctx)
        if ctx.slope != 1:
            # the state is made for its sign alone: its gradient takes its memory
            grad = torch_internals.leaky_relu_backward_(grad, again(ctx), ctx.slope**2)
        ctx.unpacked = None
        sums = [dims.resize_backward(dims.sum(grad, over), value, over) for value, over in zip(maps, ctx.over)]
        return None, None, grad, *sums


def again(node: Any) -> Tensor:
    """Return the state that a node of `_State` made."""
    return _evolved(node.clip_dims, node.slope, *_unpacked(node))


def _unpacked(node: Any) -> tuple[Tensor, ...]:
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


def _pool(
    feature: Tensor, kind: Pooled, config: ArcConfig, clip_dims: ClipDims, like: Tensor, running: RunningPool
) -> Tensor:
    if config.pooling == "max" and kind.dims and not kind.running:
        return _Maximum.apply(clip_dims, kind.dims, feature, like)  # pyright: ignore[reportReturnType]
    return pool(feature, kind, config, clip_dims, like, running)


class _Maximum(torch.autograd.Function):
    """Max pooling whose gradient needs no index; autograd's own takes several times as long on a CPU."""

    @staticmethod
    def forward(ctx: Any, clip_dims: ClipDims, dims: tuple[int, ...], feature: Tensor, like: Tensor) -> Tensor:
        ctx.clip_dims, ctx.dims = clip_dims, dims
        pooled = clip_dims.pool(feature, dims, "max", like)
        ctx.save_for_backward(feature, pooled)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        feature, pooled = ctx.saved_tensors
        return None, None, ctx.clip_dims.pool_backward(grad, feature, pooled, ctx.dims, "max", feature), None
