"""Motion excitation (Li et al., "TEA: Temporal Excitation and Aggregation for Action Recognition", CVPR 2020)."""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, fx, nn

from recircle.layers.frames import BatchNorm2d, Conv2d

Gain = Literal["published", "paper"]


class MotionExcitation(nn.Module):
    """Strengthen the channels of a frame that change until the next one (Sec. 3.1 of the paper).

    The difference of neighbouring frames in few channels, averaged over the positions, gives each channel of a frame a
    gate s in (0, 1). The last frame's difference is zero; its gates are those of no motion.

    Args:
        channels: C.
        reduction: the differences have C // reduction channels, at least 1.
        gain: a channel is multiplied by 1/2 + s, as in the authors' code ("published"), or by 2 s, as in the paper
            ("paper"), whose gates act twice as strongly.

    Raises:
        ValueError: `channels` or `reduction` is smaller than 1, or `gain` is neither.
    """

    def __init__(self, channels: int, reduction: int = 16, gain: Gain = "published") -> None:
        super().__init__()
        if min(channels, reduction) < 1:
            raise ValueError(f"channels={channels}, reduction={reduction}: both are 1 or more")
        if gain not in get_args(Gain):
            raise ValueError(f"gain={gain!r} is not known; give one of {', '.join(get_args(Gain))}")
        self.gain = gain
        reduced = max(channels // reduction, 1)
        self.conv1 = Conv2d(channels, reduced, 1, bias=False)
        self.bn1 = BatchNorm2d(reduced)
        self.conv2 = Conv2d(reduced, reduced, 3, padding=1, groups=reduced, bias=False)
        self.conv3 = Conv2d(reduced, channels, 1, bias=False)
        self.bn3 = BatchNorm2d(channels)
        self.gate = nn.Sigmoid()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the convolutions from He's normal distribution (fan out); the depthwise one's fan is over all groups."""
        for conv in (self.conv1, self.conv2, self.conv3):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T C H W"]:
        """Return the channels of [B, T, C, H, W] multiplied by their gates."""
        reduced = self.bn1(self.conv1(x))
        change = mean_change(reduced, self.conv2(reduced))
        gates = self.gate(self.bn3(self.conv3(change)))
        return x * (gates + 0.5) if self.gain == "published" else x * (gates * 2)

    def extra_repr(self) -> str:
        """Show the gain."""
        return f"gain={self.gain}"


@fx.wrap  # a symbolic trace sees one call here, not the questions about shapes
def mean_change(x: Float[Tensor, "B T C H W"], moved: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T C 1 1"]:
    """Return `moved` of the next frame minus `x`, averaged over the positions; zero for the last frame.

    Args:
        x: [B, T, C, H, W].
        moved: of the shape of `x`.

    Returns:
        [B, T, C, 1, 1]
    """
    # means first, which are small; in float32, because little is left of them in their difference
    wide = torch.promote_types(x.dtype, torch.float32)
    before, after = (maps.mean((-2, -1), keepdim=True, dtype=wide) for maps in (x, moved))
    # padded rather than cut to T - 1 frames: an exported network takes a single frame too
    following = F.pad(after, (0, 0, 0, 0, 0, 0, 0, 1))[:, 1:]
    frames = x.shape[1]
    last = (torch.arange(frames, device=x.device) == frames - 1).view(-1, 1, 1, 1)
    return (following - before).masked_fill(last, 0).to(x.dtype)
