"""Approximated bilinear convolutions (Zhu et al., "Approximated Bilinear Modules for Temporal Modeling", ICCV 2019).

A bilinear form of the features of several frames is approximated, to low rank, by the product of two convolutions that
both see these frames. The first is the convolution of an image network; the second, the auxiliary branch, is added and
starts as the constant 1, so that the layer computes at first what the image network's does.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recircle.layers.frames import BatchNorm2d, Conv2d


def inflate(weight: Float[Tensor, "O I h w"], frames: int = 3) -> Float[Tensor, "O I L h w"]:
    """Turn the weight of an image convolution into one over time that sees the middle frame only.

    Args:
        weight: [O, I, h, w].
        frames: size of the kernel in time, odd.

    Returns:
        [O, I, frames, h, w], zero but for the middle.

    Raises:
        ValueError: the weight has another number of dimensions, or `frames` is even.
    """
    if weight.dim() != 4:
        raise ValueError(f"a weight of shape {tuple(weight.shape)} is not that of an image convolution, [O, I, h, w]")
    _check_odd("frames", frames)
    return F.pad(weight[:, :, None], (0, 0, 0, 0, frames // 2, frames // 2))


class BilinearConv3d(nn.Module):
    """ReLU(norm(conv(x)) * factor(x)), both convolutions over time, height and width.

    The published code's `iabp`: the factor has a bias and no norm, and beyond the ends of the clip are zeros.

    Attributes:
        conv: has no bias; starts as an image convolution, which sees the middle frame.
        norm: over all frames.
        factor: the auxiliary branch; starts with weight 0 and bias 1.
        act: the ReLU.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> None:
        """Build the layer.

        Args:
            in_channels: C.
            out_channels: C'.
            kernel_size: in time, height and width, odd; T, H and W stay.

        Raises:
            ValueError: `kernel_size` is even.
        """
        super().__init__()
        _check_odd("kernel_size", kernel_size)
        padding = kernel_size // 2
        self.conv = nn.Conv3d(in_channels, out_channels, kernel_size, padding=padding, bias=False)
        self.norm = nn.BatchNorm3d(out_channels)
        self.factor = nn.Conv3d(in_channels, out_channels, kernel_size, padding=padding)
        self.act = nn.ReLU()
        middle = _draw_image_weight(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        with torch.no_grad():
            self.conv.weight.copy_(inflate(middle, kernel_size))
        _start_as_one(self.factor)

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c H W"]:
        """Return [B, T, C', H, W] for [B, T, C, H, W]."""
        # copied as the convolutions would, so that a capture need not ask how the frames lie
        x = x.transpose(1, 2).clone(memory_format=torch.contiguous_format)
        y = self.act(self.norm(self.conv(x)) * self.factor(x))
        return y.transpose(1, 2).clone(memory_format=torch.contiguous_format)


class AdjacentBilinearConv2d(nn.Module):
    """ReLU(norm(conv(x)) * factor(x)), both convolutions on a frame and a share of its neighbours' channels.

    The published code's `inabp`: frames next to each other repeat what is static in them, so that of the frames before
    and after only the last channels, the dynamic ones, are taken. Beyond the ends of the clip are zeros.

    Attributes:
        dynamic: how many channels are taken of each neighbour.
        conv: takes C + 2 dynamic channels (the frame's, those of the one before, those of the one after), has no bias;
            starts as an image convolution, which sees the frame itself.
        norm: over all frames.
        factor: the auxiliary branch; starts with weight 0 and bias 1.
        act: the ReLU.
    """

    def __init__(
        self, in_channels: int, out_channels: int, share: float = 0.5, kernel_size: int = 3, stride: int = 1
    ) -> None:
        """Build the layer.

        Args:
            in_channels: C.
            out_channels: C'.
            share: beta, the share of the channels that is dynamic (rounded down): published are 0.7 to 0.4, less in
                deeper stages.
            kernel_size: in height and width, odd.
            stride: in height and width.

        Raises:
            ValueError: `kernel_size` is even, or `share` leaves no dynamic channel or is larger than 1.
        """
        super().__init__()
        _check_odd("kernel_size", kernel_size)
        self.dynamic = int(share * in_channels)
        if not 1 <= self.dynamic <= in_channels:
            raise ValueError(f"share={share} of {in_channels} channels is {self.dynamic}; take 1 to {in_channels}")
        total, padding = in_channels + 2 * self.dynamic, kernel_size // 2
        self.conv = Conv2d(total, out_channels, kernel_size, stride, padding, bias=False)
        self.norm = BatchNorm2d(out_channels)
        self.factor = Conv2d(total, out_channels, kernel_size, stride, padding)
        self.act = nn.ReLU()
        with torch.no_grad():
            self.conv.weight.zero_()
            _draw_image_weight(self.conv.weight[:, :in_channels])
        _start_as_one(self.factor)

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c h w"]:
        """Return [B, T, C', H', W'] for [B, T, C, H, W]."""
        padded = F.pad(x[:, :, -self.dynamic :], (0, 0, 0, 0, 0, 0, 1, 1))
        x = torch.cat((x, padded[:, :-2], padded[:, 2:]), 2)
        return self.act(self.norm(self.conv(x)) * self.factor(x))

    def extra_repr(self) -> str:
        """Show how many channels are dynamic."""
        return f"dynamic={self.dynamic}"


def _draw_image_weight(weight: Tensor) -> Tensor:
    """Draw [O, I, h, w] from He's normal distribution (fan out, ReLU), in place."""
    fan_out = weight.shape[0] * weight[0, 0].numel()
    return nn.init.normal_(weight, std=math.sqrt(2 / fan_out))


def _start_as_one(factor: nn.Conv2d | nn.Conv3d) -> None:
    assert factor.bias is not None
    nn.init.zeros_(factor.weight)
    nn.init.ones_(factor.bias)


def _check_odd(name: str, size: int) -> None:
    if size < 1 or size % 2 == 0:
        raise ValueError(f"{name}={size}: a kernel around its middle has an odd size")
