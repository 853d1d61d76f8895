"""3-D ResNets of bottlenecks (Carreira and Zisserman, CVPR 2017; Wang et al., CVPR 2018): what I3D and SlowFast share.

A block's first 1x1 convolution may look at neighbouring frames, its 3x3 convolution never does: every convolution is
3x1x1, 1x3x3 or 1x1x1, the stem excepted. Parameter names are torchvision's (`conv1`, `layer1.0.conv2`,
`layer2.0.downsample.0`), and each activation is a module of its own, so that `recircle.convert` can take it into an ARC
layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.models.backbones.stages import Place, build_stages, doubled
from recircle.models.base import initialise_trunk
from recircle.views.preprocessing import Preprocessing

EXPANSION = 4
"""A block has so many times as many channels outside as inside."""

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Blocks in each stage."""

PREPROCESSING = Preprocessing(mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225))
"""That of PySlowFast and of Non-local's code. They train on crops of 224 pixels and test on 256: crop=256 is theirs."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A max-pooling layer: kernel, stride and zero padding over (T, H, W)."""

    kernel: tuple[int, int, int]
    stride: tuple[int, int, int]
    padding: tuple[int, int, int] = (0, 0, 0)

    def build(self) -> nn.MaxPool3d:
        """Return the layer."""
        return nn.MaxPool3d(self.kernel, self.stride, self.padding)


SPATIAL_POOL = Pool(kernel=(1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))


@dataclass(frozen=True, kw_only=True)
class TrunkPlan:
    """The form of a 3-D ResNet.

    Attributes:
        stem_kernel: temporal size of the stem's kernel, which is 7x7 in space.
        kernels: temporal size of the kernel of each block's first convolution, by stage; so it says the depths too.
        stem_stride: temporal stride of the stem.
        stem_pool: the pool after the stem.
        last_stride: spatial stride of the last stage.
    """

    stem_kernel: int
    kernels: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    stem_stride: int = 1
    stem_pool: Pool = SPATIAL_POOL
    last_stride: int = 2


class Bottleneck3d(nn.Module):
    """A 1x3x3 convolution between one of Kx1x1 and one of 1x1x1, beside a shortcut."""

    def __init__(self, inplanes: int, planes: int, kernel: int, stride: int) -> None:
        super().__init__()
        outplanes = planes * EXPANSION
        self.conv1 = nn.Conv3d(inplanes, planes, (kernel, 1, 1), padding=(kernel // 2, 0, 0), bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv3d(planes, planes, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.bn2 = nn.BatchNorm3d(planes)
        self.act2 = nn.ReLU()
        self.conv3 = nn.Conv3d(planes, outplanes, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(outplanes)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or inplanes != outplanes:
            shortcut = nn.Conv3d(inplanes, outplanes, 1, (1, stride, stride), bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm3d(outplanes))
        self.act3 = nn.ReLU()

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B c T h w"]:
        """Return [B, 4 planes, T, H', W'] for [B, inplanes, T, H, W]."""
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.act2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.act3(y + self.downsample(x))


def build_trunk(plan: TrunkPlan, width: int, joined: Sequence[int] = (0, 0, 0, 0)) -> dict[str, nn.Module]:
    """Return the parts of a 3-D ResNet by name, in the order in which they follow each other.

    Args:
        plan: its form.
        width: channels of the stem; the stages have 1, 2, 4 and 8 times as many inside and 4 times those outside.
        joined: channels that come to each stage's input from elsewhere.

    Returns:
        `conv1`, `bn1`, `act1`, `maxpool` and `layer1` to `layer4`, which take and return [B, C, T, H, W].
    """
    kernel = (plan.stem_kernel, 7, 7)
    parts: dict[str, nn.Module] = {
        "conv1": nn.Conv3d(3, width, kernel, (plan.stem_stride, 2, 2), (plan.stem_kernel // 2, 3, 3), bias=False),
        "bn1": nn.BatchNorm3d(width),
        "act1": nn.ReLU(),
        "maxpool": plan.stem_pool.build(),
    }
    strides = (1, 2, 2, plan.last_stride)

    def block_at(place: Place) -> nn.Module:
        stride = strides[place.stage] if place.index == 0 else 1
        return Bottleneck3d(place.inplanes, place.planes, plan.kernels[place.stage][place.index], stride)

    depths = [len(kernels) for kernels in plan.kernels]
    stages = build_stages(width, depths, doubled(width), block_at, expansion=EXPANSION, joined=joined)
    return parts | {f"layer{number}": stage for number, stage in enumerate(stages, start=1)}


def as_volume(clips: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B C T H W"]:
    """Return clips [B, T, 3, H, W] as [B, 3, T, H, W], laid out anew.

    What is only transposed lies in memory as it should if T is 1; the first convolution of a captured network would ask
    for that, and the network then refuse one frame or all others.
    """
    return clips.transpose(1, 2).clone(memory_format=torch.contiguous_format)


def initialise(model: nn.Module) -> None:
    """Draw the trunk's weights as published: He's (fan out), and 0 for the scale of the last norm of each block."""
    initialise_trunk(model)
    for module in model.modules():
        if isinstance(module, Bottleneck3d):
            nn.init.zeros_(module.bn3.weight)


def make_classifier(num_features: int, num_classes: int) -> nn.Linear:
    """Return a new classifier as published: weights from N(0, 0.01), no bias at first."""
    fc = nn.Linear(num_features, num_classes)
    nn.init.normal_(fc.weight, std=0.01)
    nn.init.zeros_(fc.bias)
    return fc


def check_width(width: int) -> None:
    """Insist on a width that the trunks can have.

    Raises:
        ValueError: it is below 8.
    """
    if width < 8:
        raise ValueError(f"width={width} is too narrow; the stem needs 8 channels or more")
