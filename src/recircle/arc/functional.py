"""The ARC layer as functions of tensors; the modules in `arc.py` hold the weights for them."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.arc.clip_dims import FRAMES_1D, FRAMES_2D, TOKENS, VOLUME_3D, Geometry
from recircle.arc.config import ArcConfig
from recircle.arc.epilogue import NormAct, Replay
from recircle.arc.in_place import evolve, evolves_in_place
from recircle.arc.recomputation import recomputes, train
from recircle.arc.recursion import ArcMatrices, recurse
from recircle.arc.steps import Steps, plan_steps

Follow = Callable[[Tensor, int, int], Tensor]
"""Norm and activation after the operator: follow(features [N, length, ...], start, length)."""

Operator = Callable[[Tensor, Tensor, Tensor | None, int], Tensor]
"""The layer's operator f on folded frames: operator(x, weight, bias, groups)."""

GEOMETRY = {1: FRAMES_1D, 2: FRAMES_2D, 3: VOLUME_3D}
"""The layout of an n-dimensional convolution's input."""

_CONVOLUTION = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_INPUT = {1: "[B, T, C, L]", 2: "[B, T, C, H, W]", 3: "[B, C, T, H, W]"}


def arc_operator(
    x: Tensor,
    operator: Operator,
    weight: Tensor,
    bias: Tensor | None,
    matrices: ArcMatrices,
    config: ArcConfig,
    geometry: Geometry,
    *,
    groups: int = 1,
    follow: Follow | None = None,
) -> Tensor:
    """Apply any operator whose weight has its output channels first with an evolving state (Eq. 2-5).

    Args:
        x: a clip in the layout of `geometry`.
        operator: f, called with the rows of `weight` and `bias` of one step.
        weight: [c, Cin / groups, ...], that of the original layer.
        bias: [c] or None.
        matrices: W^e, W^a, W^f; those that the variant lacks are None.
        config: the variant; `config.steps` must divide c.
        geometry: where time, space and channels lie.
        groups: of the operator.
        follow: norm and activation of the features before they are fed back; None feeds back the bare operator.

    Returns:
        What the original layer returns, followed by `follow`, on the evolving states.

    Raises:
        ValueError: the steps do not divide the layer.
    """
    steps = plan_steps(weight.shape[1] * groups, weight.shape[0], groups, config.steps)
    if not config.evolves:
        y = operator(geometry.fold(x), weight, bias, groups)
        return geometry.unfold(y if follow is None else follow(y, 0, weight.shape[0]), x)

    # split, not sliced: the gradient is one concatenation instead of a sum of padded slices
    weights = weight.split(steps.width)
    biases = [None] * config.steps if bias is None else bias.split(steps.width)

    def operate(j: int, state: Tensor) -> Tensor:
        return operator(geometry.fold(state), weights[j], biases[j], steps.groups)

    def generate(j: int, state: Tensor) -> Tensor:
        y = operate(j, state)
        return geometry.unfold(y if follow is None else follow(y, j * steps.width, steps.width), state)

    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        return _recurse_channels_last(x, generate, matrices, config, steps, geometry)
    known = follow is None or isinstance(follow, NormAct)
    if not known or _is_symbolic(x):
        return recurse(x, generate, matrices, config, steps, geometry)

    def record(j: int, y: Tensor) -> tuple[Tensor, Replay]:
        if follow is None:
            return geometry.unfold(y, x), lambda z: geometry.unfold(z, x)
        assert isinstance(follow, NormAct)
        y, replay = follow.recorded(y, j * steps.width, steps.width)
        return geometry.unfold(y, x), lambda z: geometry.unfold(replay(z), x)

    if torch.is_grad_enabled() and recomputes(config, steps):
        return train(*_cast(x, matrices), operate, record, config, steps, geometry)
    if not torch.is_grad_enabled() and evolves_in_place(config, steps):
        each_alone = not isinstance(follow, NormAct) or follow.each_alone
        return evolve(*_cast(x, matrices), generate, config, steps, geometry, each_alone=each_alone)
    return recurse(x, generate, matrices, config, steps, geometry)


def _recurse_channels_last(
    x: Tensor,
    generate: Callable[[int, Tensor], Tensor],
    matrices: ArcMatrices,
    config: ArcConfig,
    steps: Steps,
    geometry: Geometry,
) -> Tensor:
    """Compute what `recurse` does, with the channels behind all other dimensions.

    PyTorch's compiler lays out what it computes in the order of the dimensions, whatever the memory format of the input
    is; in any other order it would copy each state for the convolution.
    """
    channel = geometry.channel

    def generate_last(j: int, state: Tensor) -> Tensor:
        return generate(j, state.movedim(-1, channel)).movedim(channel, -1)

    last = geometry.channels_last()
    return recurse(x.movedim(channel, -1), generate_last, matrices, config, steps, last).movedim(-1, channel)


def _is_symbolic(x: Tensor) -> bool:
    """Tell whether operations are recorded or transformed instead of done, which memory used twice would confuse."""
    recorded = torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None
    return recorded or type(x) is not Tensor or torch._C._are_functorch_transforms_active()


def _cast(x: Tensor, matrices: ArcMatrices) -> tuple[Tensor, ArcMatrices]:
    """Bring both to the precision that autocast would choose for products; it does not see those made in place."""
    device = x.device.type
    known = torch.amp.is_autocast_available(device)
    if not known or not torch.is_autocast_enabled(device) or x.dtype == torch.float64:
        return x, matrices
    dtype = torch.get_autocast_dtype(device)
    embedding, attention, fusion = (m.to(dtype) if isinstance(m, Tensor) else None for m in matrices)
    return x.to(dtype), ArcMatrices(embedding, attention, fusion)


def arc_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    matrices: ArcMatrices,
    config: ArcConfig,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    follow: Follow | None = None,
) -> Tensor:
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
        follow: see `arc_operator`.

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

    return arc_operator(x, operator, weight, bias, matrices, config, GEOMETRY[dims], groups=groups, follow=follow)


def arc_linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    matrices: ArcMatrices,
    config: ArcConfig,
    *,
    follow: Follow | None = None,
) -> Tensor:
    """Apply a linear layer with an evolving state to the tokens of each frame.

    Args:
        x: [B, T, N, Cin].
        weight: [c, Cin].
        bias: [c] or None.
        matrices: see `arc_operator`, like the config.
        config: the variant.
        follow: see `arc_operator`.

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
        follow=follow,
    )
