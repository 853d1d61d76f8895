"""Learnable shift in space and time (Fan et al., ECCV 2020).

The paper is "RubiksNet: Learnable 3D-Shift for Efficient Video Action Recognition".
"""

from typing import Any, ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

ShiftGradient = Literal["published", "exact"]

_DIMS = (1, 3, 4)
"""The dimensions t, h and w of [B, T, C, H, W]."""


def rubiks_shift(
    x: Float[Tensor, "B T C H W"],
    shift: Float[Tensor, "axes C"],
    stride: int = 1,
    gradient: ShiftGradient = "published",
) -> Float[Tensor, "B T C h w"]:
    """Move each channel by its own fraction of a frame and of a pixel.

    With the shift (s_t, s_h, s_w) of a channel its output at (t, h, w) is the trilinear interpolation of its input at
    (t + s_t, stride h + s_h, stride w + s_w); beyond the edges are zeros.

    The output and the gradient of `x` are exact in either form. The published kernels give the shift another gradient
    than the derivative, which is "exact":

    - For each channel it is divided by its L2 norm over the rows, so that only its direction counts. It is thus no sum
      over clips, and scaling the loss (as float16 training does) does not scale it.
    - Where a shift is a whole number n, the interpolation has no derivative. The kernel for three rows takes the
      difference x[n + 1] - x[n - 1], and x[n - 1] in place of x[n] in the derivatives along the other axes as well;
      that for two rows takes half the difference, also within 1e-7 above n. Here "exact" is the derivative from above,
      x[n + 1] - x[n].

    Args:
        x: [B, T, C, H, W], floating point.
        shift: [3, C], the rows t, h and w in frames and pixels; or [2, C], h and w, which leaves time alone.
        stride: of height and width.
        gradient: of the shift, see above.

    Returns:
        [B, T, C, (H - 1) // stride + 1, (W - 1) // stride + 1]

    Raises:
        ValueError: the shapes do not fit, the stride is smaller than 1, or the gradient has an unknown name.
    """
    if x.dim() != 5 or not x.is_floating_point():
        raise ValueError(f"rubiks_shift needs floating-point [B, T, C, H, W], got {x.dtype} {tuple(x.shape)}")
    if shift.dim() != 2 or shift.shape[0] not in (2, 3) or shift.shape[1] != x.shape[2]:
        raise ValueError(
            f"a shift of shape {tuple(shift.shape)} does not fit {x.shape[2]} channels; give [3, C] (t, h, w) or "
            "[2, C] (h, w)"
        )
    _check(stride, gradient)
    return _RubiksShift.apply(x, shift, stride, gradient == "published")  # pyright: ignore[reportReturnType]


def _check(stride: int, gradient: str) -> None:
    if stride < 1:
        raise ValueError(f"stride={stride} must be 1 or more")
    if gradient not in get_args(ShiftGradient):
        raise ValueError(f"gradient={gradient!r} is not one of {', '.join(get_args(ShiftGradient))}")


class _RubiksShift(torch.autograd.Function):
    """The shift. Its backward keeps the input only, and moves gradients back where autograd would scatter them."""

    @staticmethod
    def forward(x: Tensor, shift: Tensor, stride: int, published: bool) -> Tensor:  # noqa: ARG004
        y = _with_zeros(x, len(shift))
        for row, dim, step in reversed(_axes(shift, stride)):
            y = _interpolate(y, row, dim, step)
        return y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int, bool], output: Tensor) -> None:  # noqa: ARG004
        x, shift, ctx.stride, ctx.published = inputs
        ctx.save_for_backward(x, shift)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, shift = ctx.saved_tensors
        of_x = of_shift = None
        if ctx.needs_input_grad[0]:
            of_x = grad
            for row, dim, step in _axes(shift, ctx.stride):
                of_x = _interpolate_back(of_x, row, dim, step, x.shape[dim])
        if ctx.needs_input_grad[1]:
            of_shift = _gradient_of_shift(x, shift, grad, ctx.stride, ctx.published)
        return of_x, of_shift, None, None


def _axes(shift: Tensor, stride: int) -> list[tuple[Tensor, int, int]]:
    """Return for each row of the shift: the row, its dimension, and the stride there."""
    rows = shift.unbind()
    return [(row, dim, 1 if dim == 1 else stride) for row, dim in zip(rows, _DIMS[-len(rows) :])]


def _with_zeros(x: Tensor, rows: int) -> Tensor:
    """Append a zero to each dimension that is shifted, for `_take` where an index lies outside."""
    return F.pad(x, (0, 1, 0, 1, 0, 0, 0, 1)[: 4 if rows == 2 else 8])


def _take(x: Tensor, first: Tensor, dim: int, count: int, step: int = 1) -> Tensor:
    """Take `count` entries along `dim`, `step` apart, for each channel from its own `first` [C] on."""
    zero, channels = x.shape[dim] - 1, x.shape[2]
    index = first.long().unsqueeze(1) + step * torch.arange(count, device=x.device)
    index = torch.where((index >= 0) & (index < zero), index, zero)
    if dim == 4:
        return x.gather(4, index.unsqueeze(1).expand(*x.shape[:4], count))
    # whole rows of memory, which are faster to take than single numbers
    channel = torch.arange(channels, device=x.device).unsqueeze(1)
    if dim == 3:
        rows = channel * (zero + 1) + index
        return x.flatten(2, 3).index_select(2, rows.flatten()).unflatten(2, (channels, count))
    rows = (index * channels + channel).t()
    return x.flatten(1, 2).index_select(1, rows.flatten()).unflatten(1, (count, channels))


def _outputs(x: Tensor, dim: int, step: int) -> int:
    """Return the length of the output along `dim`, which ends with the appended zero here."""
    return (x.shape[dim] - 2) // step + 1


def _mix(lower: Tensor, upper: Tensor, rest: Tensor) -> Tensor:
    return torch.lerp(lower, upper, rest.to(lower.dtype).view(-1, 1, 1))


def _interpolate(x: Tensor, shift: Tensor, dim: int, step: int) -> Tensor:
    """Interpolate along a dimension that ends with the appended zero, which the output no longer has."""
    whole = shift.floor()
    run = _take(x, whole, dim, (_outputs(x, dim, step) - 1) * step + 2)
    before = (slice(None),) * dim
    return _mix(run[(*before, slice(None, -1, step))], run[(*before, slice(1, None, step))], shift - whole)


def _interpolate_back(grad: Tensor, shift: Tensor, dim: int, step: int, length: int) -> Tensor:
    """Apply the transpose of `_interpolate`: the opposite shift of what is spread over the input's length."""
    spread = grad.new_zeros([*grad.shape[:dim], length + 1, *grad.shape[dim + 1 :]])
    spread[(slice(None),) * dim + (slice(None, length, step),)] = grad
    return _interpolate(spread, -shift, dim, 1)


def _gradient_of_shift(x: Tensor, shift: Tensor, grad: Tensor, stride: int, published: bool) -> Tensor:
    """Return the gradient of the shift, of the shift's shape."""
    three = len(shift) == 3
    whole = shift.floor()
    rest = shift - whole
    # where the kernel for three rows takes the smaller neighbours
    taken = shift - (rest == 0).to(shift.dtype) if published and three else shift
    slopes: list[Tensor] = []
    y = _with_zeros(x, len(shift))
    for n, r, (row, dim, step) in reversed(list(zip(whole, rest, _axes(taken, stride)))):
        outputs = _outputs(y, dim, step)
        lower = _take(y, row.floor(), dim, outputs, step)
        upper = _take(y, n + 1, dim, outputs, step)
        slope = upper - lower
        if published and not three:
            before = _take(y, n - 1, dim, outputs, step)
            slope = torch.where((r < 1e-7).view(-1, 1, 1), (upper - before) / 2, slope)
        slopes.insert(0, slope)
        y = _mix(lower, upper, r)
    of_rows: list[Tensor] = []
    for slope, (row, dim, step) in zip(slopes, _axes(taken, stride)):
        # without the appended zeros of the axes that were interpolated later
        slope = slope[:, : grad.shape[1], :, : grad.shape[3], : grad.shape[4]]
        of_rows.append((grad * slope).sum((0, 1, 3, 4), dtype=shift.dtype))
        if len(of_rows) < len(shift):
            grad = _interpolate_back(grad, row, dim, step, x.shape[dim])
    gradient = torch.stack(of_rows)
    if not published:
        return gradient
    norm = gradient.norm(dim=0)
    return gradient / torch.where(norm > 0, norm, 1)


class RubiksShift(nn.Module):
    """Module form of `rubiks_shift`, whose shift is a parameter, uniform in [-1, 1) at first.

    The published training gives it 0.01 times the learning rate of the weights and no weight decay.

    Attributes:
        lr_scale: of its parameter's learning rate, relative to that of other parameters.
        decays: whether weight decay acts on its parameter.
        shift: [3, C] or [2, C].
    """

    lr_scale: ClassVar[float] = 0.01
    decays: ClassVar[bool] = False

    def __init__(
        self, channels: int, stride: int = 1, *, temporal: bool = True, gradient: ShiftGradient = "published"
    ) -> None:
        """Draw the shift.

        Args:
            channels: C.
            stride: of height and width.
            temporal: shift in time too.
            gradient: of the shift, see `rubiks_shift`.

        Raises:
            ValueError: there are no channels, the stride is smaller than 1, or the gradient has an unknown name.
        """
        super().__init__()
        if channels < 1:
            raise ValueError(f"channels={channels} must be 1 or more")
        _check(stride, gradient)
        self.stride = stride
        self.gradient: ShiftGradient = gradient
        self.shift = nn.Parameter(torch.empty(3 if temporal else 2, channels).uniform_(-1, 1))

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T C h w"]:
        """Shift [B, T, C, H, W]; see `rubiks_shift`."""
        return rubiks_shift(x, self.shift, self.stride, self.gradient)

    def extra_repr(self) -> str:
        """Show shape, stride and gradient."""
        rows, channels = self.shift.shape
        return f"{channels}, rows={rows}, stride={self.stride}, gradient={self.gradient!r}"
