"""Multiple temporal aggregation: Res2Net's hierarchy of 3x3 convolutions with a convolution over time in each level.

Li et al., "TEA: Temporal Excitation and Aggregation for Action Recognition", CVPR 2020. Res2Net is Gao et al., TPAMI
2021.
"""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recircle.layers.frames import BatchNorm2d, Conv2d, fold_frames, unfold_frames

Start = Literal["identity", "shift"]


class ChannelwiseTemporalConv(nn.Module):
    """Convolve each channel by itself over three frames, with zeros beyond the ends and no bias.

    Args:
        channels: C.
        start: the initial weights: "identity", or "shift", with which the first C // 2 channels take the next frame
            and the following C // 2 the one before.

    Raises:
        ValueError: `channels` is smaller than 1, or `start` is neither.
    """

    def __init__(self, channels: int, start: Start = "identity") -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"channels={channels}: give 1 or more")
        if start not in get_args(Start):
            raise ValueError(f"start={start!r} is not known; give one of {', '.join(get_args(Start))}")
        self.start = start
        self.weight = nn.Parameter(torch.empty(channels, 1, 3))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set the initial weights; they are not drawn."""
        half = len(self.weight) // 2 if self.start == "shift" else 0
        nn.init.zeros_(self.weight)
        self.weight[:half, 0, 2] = 1
        self.weight[half : 2 * half, 0, 0] = 1
        self.weight[2 * half :, 0, 1] = 1

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T C H W"]:
        """Return [B, T, C, H, W] for the same."""
        # as an image of T rows with all positions in each: PyTorch is fastest at that
        images = x.transpose(1, 2).clone(memory_format=torch.contiguous_format).flatten(3)
        rows = F.conv2d(images, self.weight[..., None], padding=(1, 0), groups=x.shape[2])
        # copied as the next convolution would, so that a capture need not ask how the frames lie
        return rows.unflatten(3, x.shape[3:]).transpose(1, 2).clone(memory_format=torch.contiguous_format)

    def extra_repr(self) -> str:
        """Show the number of channels and the initial weights."""
        return f"{len(self.weight)}, start={self.start}"


class MultipleTemporalAggregation(nn.Module):
    """Widen what a frame sees in space and time from one fourth of the channels to the next (Sec. 3.2 of the paper).

    The channels are split in four. Each of the first three passes a convolution over time, a 3x3 convolution, norm and
    activation, after the result of the one before was added to it. The last passes a convolution over time only. That
    is the order of the authors' code; in the paper it is the first fourth that is left alone, entirely.

    Args:
        width: channels of a fourth.
        stride: of the 3x3 convolutions.
        first: of a stage: nothing is added from one fourth to the next, and the last is average-pooled, 3x3, zeros
            around the map counting.

    Raises:
        ValueError: `stride` is not 1 and the block is not the first.
    """

    def __init__(self, width: int, stride: int = 1, first: bool = False) -> None:
        super().__init__()
        if stride != 1 and not first:
            raise ValueError(f"stride={stride}: results of one fourth are added to the next, which has another size")
        self.width = width
        self.first = first
        self.temporal = nn.ModuleList([*(ChannelwiseTemporalConv(width) for _ in range(3))])
        self.temporal.append(ChannelwiseTemporalConv(width, start="shift"))
        self.convs = nn.ModuleList(Conv2d(width, width, 3, stride, padding=1, bias=False) for _ in range(3))
        self.bns = nn.ModuleList(BatchNorm2d(width) for _ in range(3))
        self.acts = nn.ModuleList(nn.ReLU() for _ in range(3))
        self.pool = _AvgPool2d(3, stride, padding=1) if first else nn.Identity()

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T C h w"]:
        """Return [B, T, 4 width, H', W'] for [B, T, 4 width, H, W]."""
        parts = x.split(self.width, dim=2)
        results: list[Tensor] = []
        for index, (temporal, conv, bn, act) in enumerate(zip(self.temporal, self.convs, self.bns, self.acts)):
            part = parts[index] if self.first or index == 0 else parts[index] + results[-1]
            results.append(act(bn(conv(temporal(part)))))
        results.append(self.pool(self.temporal[3](parts[3])))
        return torch.cat(results, dim=2)


class _AvgPool2d(nn.AvgPool2d):
    """`torch.nn.AvgPool2d` on each frame of [..., C, H, W]."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        return unfold_frames(super().forward(fold_frames(input)), input)
