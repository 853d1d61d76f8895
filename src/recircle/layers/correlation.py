"""The learnable correlation operator (Wang et al., "Video Modeling with Correlation Networks", CVPR 2020, Sec. 3).

Tensors are [B, C, T, H, W], as in the 3-D networks that it belongs to.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def weighted_correlation(
    x: Float[Tensor, "B C T H W"], weight: Float[Tensor, "C L K K"], dilation: int = 1, groups: int = 1
) -> Float[Tensor, "B taps T H W"]:
    """Compare each frame with the one before it, at K x K displacements, channel by channel with learnable weights.

    With the displacement d_k = dilation (k - (K - 1) / 2) of tap k, each group of channels gives K x K maps

        y[k](p) = mean over c of weight[c, t, k] x_{t-1}[c](p) x_t[c](p + d_k)

    The frame before the first is the first itself; beyond the edges are zeros. It is the current frame that is
    displaced, in a window centred on the place in the frame before. Memory in training is that of a few tensors like
    `x` beside the result, whatever K is.

    Args:
        x: [B, C, T, H, W]
        weight: [C, L, K, K], a filter for each of L frames. For other T frame t takes that of frame t L // T.
        dilation: pixels between neighbouring taps.
        groups: into how many equal parts the channels are divided.

    Returns:
        [B, K K groups, T, H, W]: the taps row by row, and for each of them the groups.

    Raises:
        ValueError: `x` is not such a tensor, the weight does not fit it or has an even K, the dilation is below 1,
            or the groups do not divide the channels.
    """
    channels, _, kernel_size, width = weight.shape
    if x.dim() != 5 or x.shape[1] != channels:
        raise ValueError(f"weighted_correlation needs [B, {channels}, T, H, W], got a tensor of shape {tuple(x.shape)}")
    _check(channels, kernel_size, dilation, groups)
    if width != kernel_size:
        raise ValueError(f"a weight of shape {tuple(weight.shape)}: it is [C, L, K, K]")
    frames = x.shape[2]
    filters = weight.index_select(1, torch.arange(frames, device=weight.device) * weight.shape[1] // frames)
    return _Correlation.apply(x, filters, dilation, groups)  # pyright: ignore[reportReturnType]


class _Correlation(torch.autograd.Function):
    """The operator at filters [C, T, K, K]; autograd's own would keep two tensors like `x` for every tap."""

    @staticmethod
    def forward(x: Tensor, filters: Tensor, dilation: int, groups: int) -> Tensor:
        before, displaced, at_taps = _prepare(x, filters, dilation, groups)
        return torch.cat([(before * at_tap * now).mean(2) for at_tap, now in zip(at_taps, displaced)], 1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int, int], output: Tensor) -> None:  # noqa: ARG004
        x, filters, ctx.dilation, ctx.groups = inputs
        ctx.save_for_backward(x, filters)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, filters = ctx.saved_tensors
        groups, pad = ctx.groups, _pad(filters, ctx.dilation)
        before, displaced, at_taps = _prepare(x, filters, ctx.dilation, groups)
        # sums of many taps, in the precision of the result
        grad_x = F.pad(torch.zeros_like(before, dtype=grad.dtype), (pad,) * 4)
        grad_before = torch.zeros_like(before, dtype=grad.dtype)
        grad_filters: list[Tensor] = []
        grads = (grad / before.shape[2]).unflatten(1, (-1, groups)).unsqueeze(3).unbind(1)
        for at_tap, now, target, at_maps in zip(at_taps, displaced, _windows(grad_x, filters, ctx.dilation), grads):
            with_now = at_maps * now
            grad_before += with_now * at_tap
            target += at_maps * before * at_tap
            grad_filters.append((with_now * before).sum((0, 4, 5)).flatten(0, 1))
        grad_x = F.pad(grad_x, (-pad,) * 4)
        grad_x[:, :, :, :1] += grad_before[:, :, :, :1]
        grad_x[:, :, :, :-1] += grad_before[:, :, :, 1:]
        grad_all = torch.stack(grad_filters, -1).unflatten(-1, filters.shape[2:])
        return grad_x.flatten(1, 2).to(x.dtype), grad_all.to(filters.dtype), None, None


def _prepare(
    x: Tensor, filters: Tensor, dilation: int, groups: int
) -> tuple[Tensor, Iterable[Tensor], Iterable[Tensor]]:
    """Return the frames before [B, G, C / G, T, H, W], and for each tap the displaced frames and the weights."""
    before = x.index_select(2, (torch.arange(x.shape[2], device=x.device) - 1).clamp(min=0))
    around = F.pad(x, (_pad(filters, dilation),) * 4).unflatten(1, (groups, -1))
    at_taps = filters.unflatten(0, (groups, -1)).flatten(3)[..., None, None].unbind(3)
    return before.unflatten(1, (groups, -1)), _windows(around, filters, dilation), at_taps


def _pad(filters: Tensor, dilation: int) -> int:
    return dilation * (filters.shape[-1] // 2)


def _windows(around: Tensor, filters: Tensor, dilation: int) -> Iterator[Tensor]:
    """Yield what padded frames have at each tap, as views."""
    margin = 2 * _pad(filters, dilation)
    height, width = around.shape[-2] - margin, around.shape[-1] - margin
    for top in range(0, margin + 1, dilation):
        rows = around.narrow(-2, top, height)
        for left in range(0, margin + 1, dilation):
            yield rows.narrow(-1, left, width)


class WeightedCorrelation(nn.Module):
    """Module form of `weighted_correlation`; the weights are drawn from He's normal distribution (fan out).

    Args:
        channels: C.
        frames: L, the number of frames that have filters of their own.
        kernel_size: K, an odd number.
        dilation: pixels between neighbouring taps.
        groups: into how many equal parts the channels are divided.

    Raises:
        ValueError: K is even, frames or dilation is smaller than 1, or the groups do not divide the channels.
    """

    def __init__(self, channels: int, frames: int, kernel_size: int = 7, dilation: int = 2, groups: int = 1) -> None:
        super().__init__()
        if frames < 1:
            raise ValueError(f"frames={frames}: there are filters for 1 frame or more")
        _check(channels, kernel_size, dilation, groups)
        self.dilation = dilation
        self.groups = groups
        std = math.sqrt(2 / (channels * kernel_size**2))
        self.weight = nn.Parameter(torch.empty(channels, frames, kernel_size, kernel_size).normal_(0, std))

    @property
    def out_channels(self) -> int:
        """K x K x groups."""
        return self.weight.shape[-1] ** 2 * self.groups

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B taps T H W"]:
        """Return [B, K K groups, T, H, W] for [B, C, T, H, W]; see `weighted_correlation`."""
        return weighted_correlation(x, self.weight, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """Show C, L, K, dilation and groups."""
        channels, frames, kernel_size, _ = self.weight.shape
        return f"{channels}, frames={frames}, {kernel_size=}, dilation={self.dilation}, groups={self.groups}"


def _check(channels: int, kernel_size: int, dilation: int, groups: int) -> None:
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel_size={kernel_size} is even, so no tap lies in its centre; use an odd number")
    if dilation < 1:
        raise ValueError(f"dilation={dilation} must be 1 or more")
    if groups < 1 or channels % groups:
        raise ValueError(f"groups={groups} do not divide {channels} channels into equal parts")
