"""Gate shift (Sudhakaran et al., "Gate-Shift Networks for Video Action Recognition", CVPR 2020)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, fx, nn

from recircle.layers.frames import BatchNorm2d


@fx.wrap  # a symbolic trace sees one call here, not the questions about shapes
def gate_shift(
    x: Float[Tensor, "B T C H W"], gate: Float[Tensor, "B T 2 H W"], shuffle: bool = True
) -> Float[Tensor, "B T C H W"]:
    """Move the gated part of each half of the channels to the neighbouring frame.

    The first half of the channels takes its gated part, gate * x, from frame t+1, the second half from frame t-1;
    beyond the ends are zeros. The rest, (1 - gate) * x, stays in its frame and is added.

    Args:
        x: [B, T, C, H, W], C a multiple of 4.
        gate: [B, T, 2, H, W], one map for each half.
        shuffle: interleave the two quarters of each half afterwards, as the published code does: channel 2 k + j of a
            half is channel j C/4 + k of before. The equations of the paper do not (False).

    Returns:
        A tensor of the shape of `x`.

    Raises:
        ValueError: `x` or `gate` has another shape.
    """
    if x.dim() != 5 or x.shape[2] % 4:
        raise ValueError(f"gate_shift needs [B, T, C, H, W] with C a multiple of 4, got a tensor of {tuple(x.shape)}")
    if gate.shape != (*x.shape[:2], 2, *x.shape[3:]):
        raise ValueError(f"gates of shape {tuple(gate.shape)} for features of {tuple(x.shape)}: give [B, T, 2, H, W]")
    halves = x.unflatten(2, (2, -1))
    moving = gate.unsqueeze(3) * halves
    # padded and then cut, so that no tensor of T - 1 frames comes up, which a capture would not let be empty
    padded = F.pad(moving, (0, 0) * 4 + (1, 1))
    y = halves - moving + torch.stack((padded[:, 2:, 0], padded[:, :-2, 1]), dim=2)
    if shuffle:
        y = y.unflatten(3, (2, -1)).transpose(3, 4).flatten(3, 4)
    return y.flatten(2, 3)


class GateShift(nn.Module):
    """Gate shift whose gates are computed from the features themselves.

    The gates are tanh(conv(ReLU(norm(x)))): a batch norm over clips, frames and positions, and a 3x3x3 convolution
    with zero padding that sees each half of the channels by itself and starts at zero. With gates of zero nothing
    moves between frames; the channel shuffle is there from the start.
    """

    def __init__(self, channels: int, *, shuffle: bool = True) -> None:
        """Build the layer.

        Args:
            channels: C, a multiple of 4.
            shuffle: see `gate_shift`.

        Raises:
            ValueError: C is not a multiple of 4.
        """
        super().__init__()
        if channels < 4 or channels % 4:
            raise ValueError(f"channels={channels}: each half of them is shuffled in two parts; give a multiple of 4")
        self.norm = BatchNorm2d(channels)
        self.act = nn.ReLU()
        self.conv = GateConvolution(channels, 2, 3, padding=1, groups=2)
        self.shuffle = shuffle

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T C H W"]:
        """Return a tensor of the shape of x, [B, T, C, H, W]."""
        return gate_shift(x, self.conv(self.act(self.norm(x))), self.shuffle)

    def extra_repr(self) -> str:
        """Show whether channels are shuffled."""
        return f"shuffle={self.shuffle}"


class GateConvolution(nn.Conv3d):
    """The convolution of the gates, with the tanh; its weights start at zero."""

    def reset_parameters(self) -> None:
        """Set weight and bias to zero."""
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, input: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T 2 H W"]:  # noqa: A002  (torch's name)
        """Return gates [B, T, 2, H, W] in (-1, 1) for [B, T, C, H, W]."""
        return super().forward(input.transpose(1, 2)).tanh().transpose(1, 2)
