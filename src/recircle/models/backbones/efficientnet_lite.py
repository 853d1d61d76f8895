"""EfficientNet-Lite 0 to 2 for video (Tan and Le, ICML 2019, in Google's Lite form), with or without temporal shifts.

Google's weights were trained in TensorFlow, whose padding of a strided convolution on an even size adds its single
zero row after the last row, where torch adds it before the first. Turned by 180 degrees the two are the same, for every
kernel and size; so a strided convolution here works on the turned map with a turned kernel, and stays an ordinary
convolution that `recircle.convert` understands.
"""

import re
from dataclasses import dataclass
from math import ceil

from jaxtyping import Float, Shaped
from torch import Tensor, nn

from recircle.layers.frames import BatchNorm2d, Conv2d
from recircle.layers.temporal_shift import TemporalShift
from recircle.models.base import VideoModel, initialise_trunk
from recircle.views.preprocessing import Preprocessing

_STAGES = (
    # blocks, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM = 32
_HEAD = 1280


@dataclass(frozen=True)
class _Scale:
    """How a variant differs from Lite0: the stem, the first and the last block and the head are the same in all."""

    width: float
    depth: float
    size: int


_SCALES = (_Scale(1.0, 1.0, 224), _Scale(1.0, 1.1, 240), _Scale(1.1, 1.2, 260))
_BORDER = 32
"""Pixels that the shorter side has more than the crop, as in Google's evaluation."""


def turn(x: Shaped[Tensor, "*rest H W"]) -> Shaped[Tensor, "*rest H W"]:
    """Turn maps or kernels [..., H, W] by 180 degrees."""
    return x.flip((-2, -1))


def _norm(channels: int) -> BatchNorm2d:
    """Return a norm with the eps of the published weights; their momentum, 0.01, suits longer trainings than ours."""
    return BatchNorm2d(channels, eps=1e-3)


class InvertedBottleneck(nn.Module):
    """Expand by a 1x1 convolution, filter each channel by itself, project back; a shortcut where shapes allow."""

    def __init__(
        self, inplanes: int, outplanes: int, kernel: int, stride: int, expansion: int, shift: bool, causal: bool
    ) -> None:
        super().__init__()
        self.strided = stride > 1
        self.residual = stride == 1 and inplanes == outplanes
        hidden = inplanes * expansion
        # as in TSM's MobileNetV2, only blocks with a shortcut and an expansion are shifted
        self.shift = TemporalShift(causal=causal) if shift and self.residual and expansion > 1 else nn.Identity()
        if expansion > 1:
            self.expand_conv = Conv2d(inplanes, hidden, 1, bias=False)
            self.expand_bn = _norm(hidden)
            self.expand_act = nn.ReLU6()
        self.expands = expansion > 1
        self.depthwise_conv = Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False)
        self.depthwise_bn = _norm(hidden)
        self.depthwise_act = nn.ReLU6()
        self.project_conv = Conv2d(hidden, outplanes, 1, bias=False)
        self.project_bn = _norm(outplanes)

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c h w"]:
        """Return [B, T, outplanes, H', W'] for [B, T, inplanes, H, W]."""
        y = x
        if self.expands:
            y = self.expand_act(self.expand_bn(self.expand_conv(self.shift(x))))
        if self.strided:
            y = turn(y)
        y = self.depthwise_act(self.depthwise_bn(self.depthwise_conv(y)))
        if self.strided:
            y = turn(y)
        y = self.project_bn(self.project_conv(y))
        return x + y if self.residual else y


class VideoEfficientNetLite(VideoModel):
    """An EfficientNet-Lite whose tensors are [B, T, C, H, W], averaging the logits of the frames."""

    def __init__(
        self,
        name: str,
        variant: int,
        num_classes: int,
        *,
        shift: bool,
        causal: bool = False,
        width: int = _STEM,
        dropout: float = 0.5,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            variant: 0, 1 or 2, published for frames of 224, 240 and 260 pixels.
            num_classes: K.
            shift: with a temporal shift in the residual blocks or without.
            causal: the shift looks back alone.
            width: channels of the stem, published 32; all other numbers of channels follow in proportion, rounded to
                multiples of 8.
            dropout: before the classifier.

        Raises:
            ValueError: width or dropout or num_classes are out of range.
        """
        scale = _SCALES[variant]
        grey, spread = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)
        # Google's, on bytes
        preprocessing = Preprocessing(resize=scale.size + _BORDER, crop=scale.size, mean=grey, std=spread, scale=1.0)
        super().__init__(name, preprocessing)
        self.causal = causal
        if width < 8:
            raise ValueError(f"width={width} is too narrow; the stem needs 8 channels or more")

        def scaled(channels: float) -> int:
            return max(8, round(channels * width / _STEM / 8) * 8)

        self.stem_conv = Conv2d(3, width, 3, stride=2, padding=1, bias=False)
        self.stem_bn = _norm(width)
        self.stem_act = nn.ReLU6()
        inplanes = width
        blocks: list[nn.Module] = []
        for depth, kernel, first_stride, expansion, channels in _STAGES:
            planes = scaled(channels * scale.width)
            for index in range(depth if depth == 1 else ceil(depth * scale.depth)):
                stride = first_stride if index == 0 else 1
                blocks.append(InvertedBottleneck(inplanes, planes, kernel, stride, expansion, shift, causal))
                inplanes = planes
        self.blocks = nn.Sequential(*blocks)
        self.num_features = scaled(_HEAD)
        self.head_conv = Conv2d(inplanes, self.num_features, 1, bias=False)
        self.head_bn = _norm(self.num_features)
        self.head_act = nn.ReLU6()
        initialise_trunk(self)
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T C h w"]:
        """Return [B, T, 1280, H/32, W/32] (rounded up) for clips [B, T, 3, H, W]."""
        x = turn(self.stem_act(self.stem_bn(self.stem_conv(turn(clips)))))
        return self.head_act(self.head_bn(self.head_conv(self.blocks(x))))

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of the package's file, and turn the kernels of the strided convolutions."""
        if "_conv_stem.weight" not in state:
            return state
        strided = {f"blocks.{i}.depthwise_conv.weight" for i, block in enumerate(self.blocks) if block.strided}
        strided.add("stem_conv.weight")
        renamed: dict[str, Tensor] = {}
        for key, value in state.items():
            new = _published_name(key)
            renamed[new] = turn(value) if new in strided else value
        return renamed


def _published_name(key: str) -> str:
    """Return this network's name of a parameter of the published file."""
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if block:
        index, module, parameter = block.groups()
        return f"blocks.{index}.{_BLOCK_NAMES.get(module, module)}.{parameter}"
    module, _, parameter = key.rpartition(".")
    return f"{_TRUNK_NAMES.get(module, module)}.{parameter}"


_TRUNK_NAMES = {
    "_conv_stem": "stem_conv",
    "_bn0": "stem_bn",
    "_conv_head": "head_conv",
    "_bn1": "head_bn",
    "_fc": "fc",
}
_BLOCK_NAMES = {
    "_expand_conv": "expand_conv",
    "_bn0": "expand_bn",
    "_depthwise_conv": "depthwise_conv",
    "_bn1": "depthwise_bn",
    "_project_conv": "project_conv",
    "_bn2": "project_bn",
}
