"""Temporal shift (Lin et al., "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019)."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Shaped
from torch import Tensor, nn

from recircle.layers.memory import Memory, memory_of
from recircle.torch_internals import is_recorded


def temporal_shift(
    x: Shaped[Tensor, "B T C *place"], divisor: int = 8, *, causal: bool = False
) -> Shaped[Tensor, "B T C *place"]:
    """Move a part of the channels to the neighbouring frames.

    The first C // divisor channels take their values from frame t+1, the next C // divisor from frame t-1, the rest
    stay; beyond the ends are zeros.

    Args:
        x: [B, T, C, ...]
        divisor: the reciprocal of the fraction of channels moved in each direction.
        causal: take none from frame t+1 (the paper's online form): the first C // divisor channels stay too, so that
            those from frame t-1 are the same as in the other form.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        ValueError: `x` has fewer than 3 dimensions, or `divisor` is smaller than 2.
    """
    if x.dim() < 3:
        raise ValueError(f"temporal_shift needs [B, T, C, ...], got a tensor of shape {tuple(x.shape)}")
    if divisor < 2:
        raise ValueError(f"divisor={divisor} would move more channels than there are; use 2 or more")
    fold = x.shape[2] // divisor
    if torch.compiler.is_exporting():
        return _folded_shift(x, fold, causal)
    if torch.compiler.is_compiling():
        # in the order that the convolutions around it want, or a compiler would copy what it makes for them
        return _captured_shift(x.movedim(2, -1), fold, causal, x.dim() - 1).movedim(-1, 2)
    if not (torch.is_grad_enabled() and x.requires_grad) and not is_recorded(x):
        # the call of a function that autograd knows takes as long as this one on small maps
        return _Shift.forward(x, fold, causal, 1)
    return _Shift.apply(x, fold, causal, 1)  # pyright: ignore[reportReturnType]


def _captured_shift(x: Tensor, fold: int, causal: bool, channel: int) -> Tensor:
    """Shift without writing into parts of a tensor, each of which costs a compiled loop a choice at every value.

    All tensors have T or more frames, none T - 1: a capture that knows T only as a symbol assumes that no size is 1
    unless it always is, and would refuse one frame and two.
    """
    moving = F.pad(x.narrow(channel, 0, 2 * fold), (0, 0) * (x.dim() - 2) + (1, 1))
    early, late = moving[:, 2:].narrow(channel, 0, fold), moving[:, :-2].narrow(channel, fold, fold)
    early = x.narrow(channel, 0, fold) if causal else early
    rest = x.narrow(channel, 2 * fold, x.shape[channel] - 2 * fold)
    return torch.cat((early, late, rest), dim=channel)


def _folded_shift(x: Tensor, fold: int, causal: bool) -> Tensor:
    """Shift with the frames in the batch, as exported files have them; what comes from another clip becomes zero."""
    clips, frames = x.shape[:2]
    # counted, since to expand one clip's places asks whether there are more clips, which a capture must not know
    count = torch.arange(clips * frames, device=x.device).reshape(clips, frames)
    has_later, has_earlier = (count < count[:, -1:]).flatten(), (count > count[:, :1]).flatten()
    return shift_folded(x.flatten(0, 1), has_later, has_earlier, fold, causal).unflatten(0, (clips, frames))


def shift_folded(folded: Tensor, has_later: Tensor, has_earlier: Tensor, fold: int, causal: bool) -> Tensor:
    """Shift frames that lie in the batch, [B T, C, ...], where masks [B T] tell which have neighbours in their clip."""
    inside = [mask.to(folded.dtype).reshape(-1, *[1] * (folded.dim() - 1)) for mask in (has_later, has_earlier)]
    moving = F.pad(folded.narrow(1, 0, 2 * fold), (0, 0) * (folded.dim() - 1) + (1, 1))
    early = folded.narrow(1, 0, fold) if causal else moving[2:].narrow(1, 0, fold) * inside[0]
    late = moving[:-2].narrow(1, fold, fold) * inside[1]
    rest = folded.narrow(1, 2 * fold, folded.shape[1] - 2 * fold)
    return torch.cat((early, late, rest), dim=1)


class _Shift(torch.autograd.Function):
    """The shift, whose gradient is the opposite shift; autograd's own would copy the whole tensor for each slice."""

    @staticmethod
    def forward(x: Tensor, fold: int, causal: bool, direction: int) -> Tensor:
        # all of it, since that is one stretch of memory; the channels that stay are many short ones
        out = x.clone()
        if not causal:
            _move(x, slice(fold), -direction, out)
        _move(x, slice(fold, 2 * fold), direction, out)
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int, bool, int], output: Tensor) -> None:  # noqa: ARG004
        _, ctx.fold, ctx.causal, ctx.direction = inputs

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _Shift.apply(grad, ctx.fold, ctx.causal, -ctx.direction), None, None, None  # pyright: ignore[reportReturnType]


def _move(x: Tensor, channels: slice, direction: int, out: Tensor) -> None:
    """Write channels of each frame to the next one (1) or to the one before (-1); zeros come in."""
    if direction > 0:
        out[:, 1:, channels] = x[:, :-1, channels]
        out[:, :1, channels] = 0
    else:
        out[:, :-1, channels] = x[:, 1:, channels]
        out[:, -1:, channels] = 0


class TemporalShift(nn.Module):
    """Module form of `temporal_shift`."""

    def __init__(self, divisor: int = 8, *, causal: bool = False) -> None:
        super().__init__()
        self.divisor, self.causal = divisor, causal

    def forward(self, x: Shaped[Tensor, "B T C *place"]) -> Shaped[Tensor, "B T C *place"]:
        """Shift [B, T, C, ...]; see `temporal_shift`."""
        if self.causal and (memory := memory_of(self)) is not None:
            return _shift_into(x, x.shape[2] // self.divisor, memory)
        return temporal_shift(x, self.divisor, causal=self.causal)

    def extra_repr(self) -> str:
        """Show the divisor, and whether it looks back alone."""
        return f"divisor={self.divisor}" + ", causal=True" * self.causal


def _shift_into(x: Tensor, fold: int, memory: Memory) -> Tensor:
    """Shift a single frame, [B, 1, C, ...], whose earlier one is in the memory."""
    moving = x[:, 0].narrow(1, fold, fold)
    before = memory.read("frame", moving.shape, 0, x)
    # a copy, since the map that it is a part of may be overwritten
    memory.write("frame", moving.clone())
    if torch.compiler.is_exporting():
        rest = x[:, 0].narrow(1, 2 * fold, x.shape[2] - 2 * fold)
        return torch.cat((x[:, 0].narrow(1, 0, fold), before, rest), 1).unsqueeze(1)
    out = x.clone()
    out[:, 0, fold : 2 * fold] = before
    return out
