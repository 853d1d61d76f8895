"""Parts of the inflated Inception-v1 (Carreira and Zisserman, CVPR 2017), on [B, C, T, H, W].

Sizes are those of TensorFlow's padding "SAME": an output of ceil(size / stride), for which as many zeros are added as
that takes, one more behind than before where their number is odd. Maps that are pooled come from a ReLU, so the zeros
around them never are a maximum that the map itself does not have.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

Triple = tuple[int, int, int]


def pad_same(x: Float[Tensor, "B C T H W"], kernel_size: Triple, stride: Triple) -> Float[Tensor, "B C t h w"]:
    """Add zeros around [B, C, T, H, W] such that an unpadded kernel gives ceil(size / stride) in each dimension.

    The kernel is no smaller than the stride.
    """
    pad: list[int] = []
    for size, kernel, step in zip(x.shape[2:], kernel_size, stride):
        # ceil(size / step) without a modulo, whose sign torch.export loses sight of
        total = ((size + step - 1) // step - 1) * step + kernel - size
        pad = [total // 2, total - total // 2, *pad]
    return F.pad(x, pad)


class SamePad3d(nn.Module):
    """Module form of `pad_same`."""

    def __init__(self, kernel_size: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C t h w"]:
        """Return [B, C, T', H', W'] for [B, C, T, H, W]; see `pad_same`."""
        return pad_same(x, self.kernel_size, self.stride)

    def extra_repr(self) -> str:
        """Show kernel and stride."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}"


class SameMaxPool3d(nn.MaxPool3d):
    """Max pooling of maps padded by `pad_same`."""

    def __init__(self, kernel_size: Triple, stride: Triple) -> None:
        super().__init__(kernel_size, stride)
        self.same = kernel_size, stride

    def forward(self, input: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C t h w"]:  # noqa: A002  (torch's name)
        """Return [B, C, ceil(T / stride), ...] for [B, C, T, H, W]."""
        return F.max_pool3d(pad_same(input, *self.same), self.kernel_size, self.stride)


class Unit(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(
        self, inplanes: int, planes: int, kernel_size: int, stride: int = 1, padding: int | None = None
    ) -> None:
        """Build it; the padding is half of the kernel, which is "SAME" at stride 1, unless another is given."""
        super().__init__()
        padding = kernel_size // 2 if padding is None else padding
        self.conv = nn.Conv3d(inplanes, planes, kernel_size, stride, padding, bias=False)
        self.bn = nn.BatchNorm3d(planes, eps=1e-3, momentum=0.01)
        self.act = nn.ReLU()

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B c t h w"]:
        """Return [B, planes, T', H', W'] for [B, inplanes, T, H, W]."""
        return self.act(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four branches side by side: 1x1x1; 1x1x1 and 3x3x3, twice; pooling and 1x1x1."""

    def __init__(self, inplanes: int, planes: tuple[int, int, int, int, int, int]) -> None:
        """Build it; `planes` are those of the six convolutions in the order of the branches."""
        super().__init__()
        first, reduce2, second, reduce3, third, fourth = planes
        self.branch1 = Unit(inplanes, first, 1)
        self.branch2 = nn.Sequential(Unit(inplanes, reduce2, 1), Unit(reduce2, second, 3))
        self.branch3 = nn.Sequential(Unit(inplanes, reduce3, 1), Unit(reduce3, third, 3))
        self.branch4 = nn.Sequential(SameMaxPool3d((3, 3, 3), (1, 1, 1)), Unit(inplanes, fourth, 1))
        self.out_channels = first + second + third + fourth

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B c T H W"]:
        """Return [B, out_channels, T, H, W] for [B, inplanes, T, H, W]."""
        return torch.cat((self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)), 1)


class PairMean(nn.Module):
    """The mean of every two neighbours in time; a single step is its own."""

    def forward(self, x: Shaped[Tensor, "B T *rest"]) -> Shaped[Tensor, "B t *rest"]:
        """Return [B, max(T - 1, 1), ...] for [B, T, ...]."""
        steps = x.shape[1]
        # indices, not slices: an exported network would take the T - 1 steps of a slice for more than one
        index = torch.arange(torch.sym_max(steps - 1, 1), device=x.device)
        return (x.index_select(1, index) + x.index_select(1, (index + 1).clamp(max=steps - 1))) / 2
