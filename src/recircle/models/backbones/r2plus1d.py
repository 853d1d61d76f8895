"""Residual blocks of factorised 3-D convolutions, R(2+1)D (Tran et al., CVPR 2018), on [B, C, T, H, W].

Each activation is a module of its own, so that `recircle.convert` can take it into an ARC layer.
"""

from jaxtyping import Float
from torch import Tensor, nn


def factorised_width(inplanes: int, planes: int) -> int:
    """Return M with which a factorised 3x3x3 convolution has as many weights as a whole one (paper, Sec. 3.5)."""
    return 27 * inplanes * planes // (9 * inplanes + 3 * planes)


class Conv2Plus1d(nn.Module):
    """A convolution over space, 1 x k x k, norm and activation, and a convolution over time, 3 x 1 x 1."""

    def __init__(
        self,
        inplanes: int,
        planes: int,
        mid: int,
        *,
        kernel_size: int = 3,
        stride: tuple[int, int] = (1, 1),
        bias: bool = False,
    ) -> None:
        """Build it.

        Args:
            inplanes: channels of the input.
            planes: channels of the output.
            mid: channels between the two convolutions.
            kernel_size: k.
            stride: of time and of space.
            bias: whether the convolutions add one.
        """
        super().__init__()
        temporal, spatial = stride
        square, pad = (1, kernel_size, kernel_size), (0, kernel_size // 2, kernel_size // 2)
        self.spatial = nn.Conv3d(inplanes, mid, square, (1, spatial, spatial), pad, bias=bias)
        self.bn = nn.BatchNorm3d(mid)
        self.act = nn.ReLU()
        self.temporal = nn.Conv3d(mid, planes, (3, 1, 1), (temporal, 1, 1), (1, 0, 0), bias=bias)

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B c t h w"]:
        """Return [B, planes, T', H', W'] for [B, inplanes, T, H, W]."""
        return self.temporal(self.act(self.bn(self.spatial(x))))


class BasicBlock(nn.Module):
    """Two factorised convolutions beside a shortcut."""

    def __init__(self, inplanes: int, planes: int, stride: int) -> None:
        """Build it; `stride` is that of time and of space."""
        super().__init__()
        # torchvision takes the width of the first for the second too, also where inplanes and planes differ
        mid = factorised_width(inplanes, planes)
        self.conv1 = Conv2Plus1d(inplanes, planes, mid, stride=(stride, stride))
        self.bn1 = nn.BatchNorm3d(planes)
        self.act1 = nn.ReLU()
        self.conv2 = Conv2Plus1d(planes, planes, mid)
        self.bn2 = nn.BatchNorm3d(planes)
        self.downsample = _downsample(inplanes, planes, (stride, stride))
        self.act2 = nn.ReLU()

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B c t h w"]:
        """Return [B, planes, T', H', W'] for [B, inplanes, T, H, W]."""
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.act2(y + self.downsample(x))


class Bottleneck(nn.Module):
    """A factorised convolution between two 1x1x1, beside a shortcut."""

    expansion = 4

    def __init__(self, inplanes: int, planes: int, mid: int, stride: tuple[int, int], bias: bool) -> None:
        """Build it; `mid`, `stride` and `bias` are those of the factorised convolution."""
        super().__init__()
        outplanes = planes * self.expansion
        self.conv1 = nn.Conv3d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.act1 = nn.ReLU()
        self.conv2 = Conv2Plus1d(planes, planes, mid, stride=stride, bias=bias)
        self.bn2 = nn.BatchNorm3d(planes)
        self.act2 = nn.ReLU()
        self.conv3 = nn.Conv3d(planes, outplanes, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(outplanes)
        self.downsample = _downsample(inplanes, outplanes, stride)
        self.act3 = nn.ReLU()

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B c t h w"]:
        """Return [B, 4 planes, T', H', W'] for [B, inplanes, T, H, W]."""
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.act2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.act3(y + self.downsample(x))


def _downsample(inplanes: int, outplanes: int, stride: tuple[int, int]) -> nn.Module:
    if stride == (1, 1) and inplanes == outplanes:
        return nn.Identity()
    temporal, spatial = stride
    conv = nn.Conv3d(inplanes, outplanes, 1, (temporal, spatial, spatial), bias=False)
    return nn.Sequential(conv, nn.BatchNorm3d(outplanes))
