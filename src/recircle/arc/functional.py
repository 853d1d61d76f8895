"""The ARC layer as functions of tensors; the modules in `arc.py` hold the weights for them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from recircle.arc.attention_only import forward_attention_only, only_attends
from recircle.arc.clip_dims import FRAMES_1D, FRAMES_2D, TOKENS, VOLUME_3D, ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.epilogue import NormAct, Replay
from recircle.arc.folded_frames import FoldedFrames
from recircle.arc.in_place import evolves_in_place, forward_in_place
from recircle.arc.matrices import ArcMatrices
from recircle.arc.recomputation import forward_recomputed, recomputes
from recircle.arc.recursion import recurse
from recircle.arc.running import RunningPool
from recircle.arc.short_steps import forward_short_steps, takes_short_steps
from recircle.arc.steps import Steps, plan_steps
from recircle.layers.memory import Memory
from recircle.public import public
from recircle.torch_internals import aten, is_recorded

Epilogue = Callable[[Tensor, int, int], Tensor]
"""Norm and activation after the operator: epilogue(features [N, length, ...], start, length)."""

Operator = Callable[[Tensor, Tensor, Tensor | None, int], Tensor]
"""The layer's operator f on folded frames: operator(x, weight, bias, groups)."""

CONV_DIMS = {1: FRAMES_1D, 2: FRAMES_2D, 3: VOLUME_3D}
"""The layout of an n-dimensional convolution's input."""

NOT_CAUSAL = (
    "causal=True is for layers that see single frames; a 3-D convolution takes frames after each other together, so it "
    "has no form that looks back alone"
)

_CONVOLUTION = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_INPUT = {1: "[B, T, C, L]", 2: "[B, T, C, H, W]", 3: "[B, C, T, H, W]"}


class StepPlan:
    """What each step of a layer computes from the part of the state that it reads."""

    def __init__(
        self,
        operator: Operator,
        weight: Tensor,
        bias: Tensor | None,
        steps: Steps,
        clip_dims: ClipDims,
        epilogue: Epilogue | None,
    ) -> None:
        """Divide weight and bias; see `arc_operator`."""
        # split, not sliced: the gradient is one concatenation instead of a sum of padded slices
        self._weights = weight.split(steps.width)
        self._biases = [None] * len(self._weights) if bias is None else bias.split(steps.width)
        self._operator, self._epilogue = operator, epilogue
        self._steps, self._clip_dims = steps, clip_dims

    def operate(self, j: int, state: Tensor) -> Tensor:
        """Return the operator's output of step j, folded."""
        return self._operate(j, self._clip_dims.fold(state))

    def generate(self, j: int, state: Tensor) -> Tensor:
        """Return the features of step j."""
        return self._clip_dims.unfold(self.generate_folded(j, self._clip_dims.fold(state)), state)

    def generate_folded(self, j: int, state: Tensor) -> Tensor:
        """Return the features of step j from a folded state, folded too."""
        y, width = self._operate(j, state), self._steps.width
        return y if self._epilogue is None else self._epilogue(y, j * width, width)

    def _operate(self, j: int, state: Tensor) -> Tensor:
        return self._operator(state, self._weights[j], self._biases[j], self._steps.groups)

    def record(self, j: int, y: Tensor, like: Tensor) -> tuple[Tensor, Replay]:
        """Return the features of step j from the operator's output, and how to make them again."""
        unfold, width = self._clip_dims.unfold, self._steps.width
        if self._epilogue is None:
            return unfold(y, like), lambda z: unfold(z, like)
        assert isinstance(self._epilogue, NormAct)
        y, replay = self._epilogue.recorded(y, j * width, width)
        return unfold(y, like), lambda z: unfold(replay(z), like)


@public
def arc_operator(
    x: Float[Tensor, "B ..."],
    operator: Operator,
    weight: Float[Tensor, "c cin *kernel"],
    bias: Float[Tensor, "c"] | None,
    matrices: ArcMatrices,
    config: ArcConfig,
    clip_dims: ClipDims,
    *,
    groups: int = 1,
    epilogue: Epilogue | None = None,
    memory: Memory | None = None,
) -> Float[Tensor, "B ..."]:
    """Apply any operator whose weight has its output channels first with an evolving state (Eq. 2-5).

    Args:
        x: a clip in the layout of `clip_dims`.
        operator: f, called with the rows of `weight` and `bias` of one step.
        weight: [c, Cin / groups, ...], that of the original layer.
        bias: [c] or None.
        matrices: W^e, W^a, W^f; those that the variant lacks are None.
        config: the variant; `config.steps` must divide c.
        clip_dims: where time, space and channels lie.
        groups: of the operator.
        epilogue: norm and activation of the features before they are fed back; None feeds back the bare operator.
        memory: what was pooled of the frames before, where `x` is one frame of a video and the variant is causal.

    Returns:
        What the original layer returns, followed by `epilogue`, on the evolving states.

    Raises:
        ValueError: the steps do not divide the layer, or the variant is causal and the operator is not for each frame.
    """
    if config.causal and config.pools_over_time and not clip_dims.framewise:
        raise ValueError(NOT_CAUSAL)
    running = RunningPool(memory)
    steps = plan_steps(weight.shape[1] * groups, weight.shape[0], groups, config.steps)
    if not config.evolves:
        y = operator(clip_dims.fold(x), weight, bias, groups)
        return clip_dims.unfold(y if epilogue is None else epilogue(y, 0, weight.shape[0]), x)

    if torch.compiler.is_exporting() and (folded := FoldedFrames.of(x, clip_dims, config)) is not None:
        plan = StepPlan(operator, weight, bias, steps, folded, epilogue)
        y = recurse(clip_dims.fold(x), plan.generate, matrices, config, steps, folded, running)
        return clip_dims.unfold(y, x)
    plan = StepPlan(operator, weight, bias, steps, clip_dims, epilogue)
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        learns = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
        arguments = (x, plan.generate, matrices, config, steps, clip_dims)
        return _recomputed(_recurse_channels_last, *arguments) if learns else _recurse_channels_last(*arguments)
    known = epilogue is None or isinstance(epilogue, NormAct)
    if not known or is_recorded(x):
        return recurse(x, plan.generate, matrices, config, steps, clip_dims, running)

    if torch.is_grad_enabled() and only_attends(config, steps):
        return forward_attention_only(*_cast(x, matrices), plan.generate_folded, config, steps, clip_dims, running)
    if torch.is_grad_enabled() and recomputes(config, steps):

        def record(j: int, y: Tensor) -> tuple[Tensor, Replay]:
            return plan.record(j, y, x)

        return forward_recomputed(*_cast(x, matrices), plan.operate, record, config, steps, clip_dims)
    if not torch.is_grad_enabled() and takes_short_steps(x, config, steps, clip_dims):
        return forward_short_steps(*_cast(x, matrices), plan.generate, config, steps)
    if not torch.is_grad_enabled() and evolves_in_place(config, steps):
        sample_independent = not isinstance(epilogue, NormAct) or epilogue.sample_independent
        return forward_in_place(
            *_cast(x, matrices),
            plan.generate,
            config,
            steps,
            clip_dims,
            running,
            sample_independent=sample_independent,
        )
    return recurse(x, plan.generate, matrices, config, steps, clip_dims, running)


def _recurse_channels_last(
    x: Tensor,
    generate: Callable[[int, Tensor], Tensor],
    matrices: ArcMatrices,
    config: ArcConfig,
    steps: Steps,
    clip_dims: ClipDims,
) -> Tensor:
    """Compute what `recurse` does, with the channels behind all other dimensions.

    PyTorch's compiler lays out what it computes in the order of the dimensions, whatever the memory format of the input
    is; in any other order it would copy each state for the convolution.
    """
    channel = clip_dims.channel

    def generate_last(j: int, state: Tensor) -> Tensor:
        return generate(j, state.movedim(-1, channel)).movedim(channel, -1)

    last = clip_dims.channels_last()
    moved = x.movedim(channel, -1)
    return recurse(moved, generate_last, matrices, config, steps, last, RunningPool()).movedim(-1, channel)


def _recomputed(compute: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Compute something compiled, of which the compiler computes the states again for the gradient.

    What convolutions make is kept, which is as much for any number of steps; all else follows from that and the input.
    A function with a gradient of its own, as uncompiled layers have, would not do: the compiler sees that what is
    computed again has been computed before, and keeps it.
    """
    keep = partial(create_selective_checkpoint_contexts, [aten.convolution.default])
    return checkpoint(compute, *arguments, use_reentrant=False, context_fn=keep)  # pyright: ignore[reportReturnType]


def _cast(x: Tensor, matrices: ArcMatrices) -> tuple[Tensor, ArcMatrices]:
    """Bring both to the precision that autocast would choose for products; it does not see those made in place."""
    device = x.device.type
    known = torch.amp.is_autocast_available(device)
    if not known or not torch.is_autocast_enabled(device) or x.dtype == torch.float64:
        return x, matrices
    dtype = torch.get_autocast_dtype(device)
    cast = (m.to(dtype) if isinstance(m, Tensor) else None for m in matrices)
    return x.to(dtype), ArcMatrices(*cast)


@public
def arc_conv(
    x: Float[Tensor, "B ..."],
    weight: Float[Tensor, "c cin *kernel"],
    bias: Float[Tensor, "c"] | None,
    matrices: ArcMatrices,
    config: ArcConfig,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    epilogue: Epilogue | None = None,
) -> Float[Tensor, "B ..."]:
    """Convolve with an evolving state, in one, two or three dimensions as `weight` has them.

    Args:
        x: [B, T, Cin, L] for a 1-D convolution, [B, T, Cin, H, W] for 2-D, [B, Cin, T, H, W] for 3-D.
        weight: [c, Cin / groups, *kernel], that of the original layer.
        bias: [c] or None.
        matrices: see `arc_operator`, like the config.
        config: the variant.
        stride: as in `torch.nn.functional.conv2d`, like padding, dilation and groups.
        padding: see `stride`.
        dilation: see `stride`.
        groups: see `stride`.
        epilogue: see `arc_operator`.

    Returns:
        [B, T, c, L'], [B, T, c, H', W'] or [B, c, T', H', W'].

    Raises:
        ValueError: the steps do not divide the layer, or `x` has the wrong number of dimensions.
    """
    dims = weight.dim() - 2
    if x.dim() != (5 if dims == 3 else dims + 3):
        raise ValueError(f"a {dims}-D ARC convolution takes {_INPUT[dims]}, got a tensor of shape {tuple(x.shape)}")

    def operator(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        return _CONVOLUTION[dims](x, weight, bias, stride, padding, dilation, groups)  # pyright: ignore

    return arc_operator(x, operator, weight, bias, matrices, config, CONV_DIMS[dims], groups=groups, epilogue=epilogue)


@public
def arc_linear(
    x: Float[Tensor, "B T N Cin"],
    weight: Float[Tensor, "c Cin"],
    bias: Float[Tensor, "c"] | None,
    matrices: ArcMatrices,
    config: ArcConfig,
    *,
    epilogue: Epilogue | None = None,
) -> Float[Tensor, "B T N c"]:
    """Apply a linear layer with an evolving state to the tokens of each frame.

    Args:
        x: [B, T, N, Cin].
        weight: [c, Cin].
        bias: [c] or None.
        matrices: see `arc_operator`, like the config.
        config: the variant.
        epilogue: see `arc_operator`.

    Returns:
        [B, T, N, c].

    Raises:
        ValueError: the steps do not divide the layer, or `x` has the wrong number of dimensions.
    """
    if x.dim() != 4:
        raise ValueError(f"a linear ARC layer takes tokens [B, T, N, C], got a tensor of shape {tuple(x.shape)}")
    return arc_operator(
        x,
        lambda x, weight, bias, _: F.linear(x, weight, bias),
        weight,
        bias,
        matrices,
        config,
        TOKENS,
        epilogue=epilogue,
    )
