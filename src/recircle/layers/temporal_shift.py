"""Temporal shift (Lin et al., "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019)."""

import torch
from torch import Tensor, nn


def temporal_shift(x: Tensor, divisor: int = 8) -> Tensor:
    """Move a part of the channels to the neighbouring frames.

    The first C // divisor channels take their values from frame t+1, the next C // divisor from frame t-1, the rest
    stay; beyond the ends are zeros.

    Args:
        x: [B, T, C, ...]
        divisor: the reciprocal of the fraction of channels moved in each direction.

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
    out = torch.empty_like(x)
    out[:, :-1, :fold] = x[:, 1:, :fold]
    out[:, -1:, :fold] = 0
    out[:, 1:, fold : 2 * fold] = x[:, :-1, fold : 2 * fold]
    out[:, :1, fold : 2 * fold] = 0
    out[:, :, 2 * fold :] = x[:, :, 2 * fold :]
    return out


class TemporalShift(nn.Module):
    """Module form of `temporal_shift`."""

    def __init__(self, divisor: int = 8) -> None:
        super().__init__()
        self.divisor = divisor

    def forward(self, x: Tensor) -> Tensor:
        """Shift [B, T, C, ...]; see `temporal_shift`."""
        return temporal_shift(x, self.divisor)

    def extra_repr(self) -> str:
        """Show the divisor."""
        return f"divisor={self.divisor}"
