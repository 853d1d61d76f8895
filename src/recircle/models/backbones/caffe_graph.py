"""Tables of the Inception networks that TSN's authors made from Caffe, and the modules that are built from them.

A graph is a table: parts in order, each a convolution, a pooling, or a block of branches beside each other.
Convolutions have biases, though a norm follows, and poolings of stride 2 round sizes up. Each activation is a module of
its own, so that `recircle.convert` can take it into an ARC layer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.layers.frames import AvgPool2d, BatchNorm2d, Conv2d, MaxPool2d
from recircle.views.preprocessing import Preprocessing


@dataclass(frozen=True)
class Conv:
    """A convolution with its norm and ReLU.

    Attributes:
        name: in the published network.
        channels: that it makes.
        kernel: side, or (height, width).
        stride: in both directions.
        padded: with zeros, so that stride 1 keeps the size.
    """

    name: str
    channels: int
    kernel: int | tuple[int, int] = 1
    stride: int = 1
    padded: bool = True


@dataclass(frozen=True)
class Pool:
    """A 3x3 pooling; stride 1 keeps the size, and an average counts the zeros around the map."""

    kind: Literal["avg", "max"]
    stride: int = 1


Branches: TypeAlias = Mapping[str, Sequence["Part"]]
"""By name, layers one after the other; branches among them fork what came before and are joined."""

Part: TypeAlias = "Conv | Pool | Branches"


@dataclass(frozen=True, kw_only=True)
class InceptionGraph:
    """A published network.

    Attributes:
        parts: by name, in order.
        width: channels of the first convolution.
        preprocessing: of its frames.
        smallest: the smallest side in pixels at which the branches of all blocks fit together. They do at 8 sizes, from
            this on, and at those greater by a multiple of 32.
        conv_name: the published name of a convolution, `{}` being its name in the table.
        norm_name: that of the norm after it.
        gate_name: that of a gate shift between the two.
    """

    parts: Mapping[str, Part]
    width: int
    preprocessing: Preprocessing
    smallest: int
    conv_name: str
    norm_name: str
    gate_name: str


class ConvNormAct(nn.Module):
    """Convolution, gate shift where there is one, norm and ReLU of [B, T, C, H, W]."""

    def __init__(self, layer: Conv, inplanes: int, planes: int) -> None:
        super().__init__()
        self.published = layer.name
        kernel = (layer.kernel, layer.kernel) if isinstance(layer.kernel, int) else layer.kernel
        padding = (kernel[0] // 2, kernel[1] // 2) if layer.padded else 0
        self.conv = Conv2d(inplanes, planes, kernel, layer.stride, padding)
        self.gate: nn.Module = nn.Identity()
        self.norm = BatchNorm2d(planes)
        self.act = nn.ReLU()

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c h w"]:
        """Return [B, T, planes, H', W']."""
        return self.act(self.norm(self.gate(self.conv(x))))


class InceptionBlock(nn.Module):
    """Branches beside each other on [B, T, C, H, W], joined over the channels."""

    def __init__(self, branches: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c h w"]:
        """Return [B, T, C', H', W'], the branches' channels in order."""
        return torch.cat([branch(x) for branch in self.children()], dim=-3)


def build_part(content: Part, planes: int, scale: float) -> tuple[nn.Module, int]:
    """Return a part that takes `planes` channels, and how many it makes; those of the table times `scale`."""
    if isinstance(content, Conv):
        channels = max(8, round(content.channels * scale / 8) * 8)
        return ConvNormAct(content, planes, channels), channels
    if isinstance(content, Pool):
        kind = AvgPool2d if content.kind == "avg" else MaxPool2d
        return (kind(3, 1, 1) if content.stride == 1 else kind(3, content.stride, ceil_mode=True)), planes
    branches: dict[str, nn.Module] = {}
    total = 0
    for name, layers in content.items():
        modules: list[nn.Module] = []
        channels = planes
        for layer in layers:
            module, channels = build_part(layer, channels, scale)
            modules.append(module)
        branches[name] = nn.Sequential(*modules)
        total += channels
    return InceptionBlock(branches), total
