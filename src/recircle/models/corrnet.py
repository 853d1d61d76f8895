"""CorrNet (Wang et al., "Video Modeling with Correlation Networks", CVPR 2020): R(2+1)D with correlation blocks.

Its authors published no code. The networks here are their paper's as far as it can be inferred: with 32 channels in the
stem, C channels in the middle of a factorised convolution of C channels, and correlations in groups of 32 channels,
CorrNet-50 and -101 have 114.5 and 186.5 GMACs for 32 frames of 224 pixels, to which the correlations, which are no
matrix products and not counted there, add 0.5 and 0.6. The paper says 115 and 187.

`reimplementation=True` gives the network of the only public code, github.com/tefantasy/CorrNet, which is not by the
authors: 32 groups in all blocks, middle widths as in R(2+1)D, and biases in the stem and in factorised convolutions; it
costs twice as much.
"""

import re
from typing import TypedDict, Unpack

from jaxtyping import Float
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.layers.correlation import WeightedCorrelation
from recircle.models.backbones.r2plus1d import Bottleneck, factorised_width
from recircle.models.backbones.stages import Place, build_stages, doubled
from recircle.models.base import VideoModel, initialise_trunk
from recircle.models.registry import register_model
from recircle.views.preprocessing import Preprocessing

_PREPROCESSING = Preprocessing(mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225))


class CorrNetOptions(TypedDict, total=False):
    """Options of a CorrNet.

    `width`, channels of the stem (32); `dropout` before the classifier (0); `frames`, how many frames of an input have
    correlation filters of their own (32), others taking the nearest; `reimplementation`, see this module.
    """

    width: int
    dropout: float
    frames: int
    reimplementation: bool


class CorrelationBlock(nn.Module):
    """A learnable correlation between two 1x1x1 convolutions, beside a shortcut ("correlation-sum", paper Sec. 4)."""

    def __init__(self, inplanes: int, frames: int, groups: int) -> None:
        """Build it for inputs of `frames` frames; a quarter of the channels are correlated, in `groups` groups."""
        super().__init__()
        planes = inplanes // 4
        self.conv1 = nn.Conv3d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.act1 = nn.ReLU()
        self.correlation = WeightedCorrelation(planes, frames, groups=groups)
        self.conv2 = nn.Conv3d(self.correlation.out_channels, inplanes, 1, bias=False)
        self.bn2 = nn.BatchNorm3d(inplanes)
        self.act2 = nn.ReLU()

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C T H W"]:
        """Return [B, C, T, H, W] for [B, C, T, H, W]."""
        y = self.correlation(self.act1(self.bn1(self.conv1(x))))
        return self.act2(self.bn2(self.conv2(y)) + x)


class CorrNet(VideoModel):
    """A bottleneck R(2+1)D with correlation blocks after the stages 1 to 3, for any number of frames.

    Its parts are the stem `conv1`, `bn1`, `act1`, the stages `layer1` to `layer4` at 1/4 to 1/32 of the resolution and
    1, 1, 1/2, 1/4 of the frames, and `fc`.
    """

    consensus = "features"

    def __init__(
        self,
        name: str,
        depths: tuple[int, int, int, int],
        num_classes: int,
        *,
        width: int = 32,
        dropout: float = 0.0,
        frames: int = 32,
        reimplementation: bool = False,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            depths: bottlenecks in each stage; stage 3 has another correlation block after its 12th where it has 23.
            num_classes: K.
            width: channels of the stem; bottlenecks have 2, 4, 8 and 16 times as many inside.
            dropout: before the classifier.
            frames: T of the inputs that the correlation filters are for; for other T each frame takes the nearest.
            reimplementation: the network of the public code, see this module.

        Raises:
            ValueError: width, dropout, frames or num_classes are out of range.
        """
        super().__init__(name, _PREPROCESSING)
        if width < 8:
            raise ValueError(f"width={width} is too narrow; the stem needs 8 channels or more")
        if frames < 1:
            raise ValueError(f"frames={frames}: the correlation filters are for 1 frame or more")
        self.reimplementation = reimplementation
        self.conv1 = nn.Conv3d(3, width, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=reimplementation)
        self.bn1 = nn.BatchNorm3d(width)
        self.act1 = nn.ReLU()

        def blocks_at(place: Place) -> tuple[nn.Module, ...]:
            planes, depth = place.planes, depths[place.stage]
            mid = factorised_width(planes, planes) if reimplementation else planes
            groups = width if reimplementation else planes // width
            # stages 3 and 4 halve time
            stride = (1, 1) if place.index else (2 if place.stage > 1 else 1, 2)
            bottleneck = Bottleneck(place.inplanes, planes, mid, stride, reimplementation)
            correlated = () if place.stage == 3 else (12, 23) if depth == 23 else (depth,)
            if place.index + 1 not in correlated:
                return (bottleneck,)
            left = -(-frames // 2) if place.stage > 1 else frames
            return bottleneck, CorrelationBlock(planes * Bottleneck.expansion, left, groups)

        stages = build_stages(width, depths, doubled(2 * width), blocks_at, expansion=Bottleneck.expansion)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.num_features = 16 * width * Bottleneck.expansion
        initialise_trunk(self)
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B t C h w"]:
        """Return [B, T/4, C, H/32, W/32] (rounded up) for clips [B, T, 3, H, W]."""
        x = self.act1(self.bn1(self.conv1(clips.transpose(1, 2))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).transpose(1, 2)

    def make_classifier(self, num_classes: int) -> nn.Linear:
        """Return a new classifier of K classes, weights from N(0, 0.01) and no bias at first."""
        fc = nn.Linear(self.num_features, num_classes)
        nn.init.normal_(fc.weight, std=0.01)
        nn.init.zeros_(fc.bias)
        return fc

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of the public re-implementation; other names stay as they are.

        Raises:
            UserError: the file is of the other form of the network, or its filters are for another number of frames.
        """
        state = {_own_name(key): value for key, value in state.items()}
        biased = "conv1.bias" in state
        if "layer1.0.conv2.temporal.weight" in state and biased != self.reimplementation:
            made = "re-implementation" if biased else "form inferred from the paper"
            raise UserError(
                f"the checkpoint is of CorrNet's {made}, {self.name} is not; "
                f"make the network with reimplementation={biased}"
            )
        own = self.state_dict()
        first = next(key for key in own if key.endswith(".correlation.weight"))
        theirs = state[first].shape[1:2] if first in state else own[first].shape[1:2]
        if theirs != own[first].shape[1:2]:
            raise UserError(
                f"the checkpoint's correlation filters are for {theirs.numel()} frames, those of {self.name} for "
                f"{own[first].shape[1]}; make the network with frames={theirs.numel()}, it takes clips of any length"
            )
        return state


def _own_name(key: str) -> str:
    key = re.sub(r"^res([2-5])\.", lambda found: f"layer{int(found[1]) - 1}.", key)
    key = re.sub(r"^conv1\.0\.", "conv1.", key)
    key = re.sub(r"^conv1\.1\.", "bn1.", key)
    return re.sub(r"^(layer\d\.\d+)\.(.+)\.(\w+)$", lambda k: f"{k[1]}.{_PARTS.get(k[2], k[2])}.{k[3]}", key).replace(
        ".correlation.filter_weight", ".correlation.weight"
    )


_PARTS = {
    "conv1.0": "conv1",
    "conv1.1": "bn1",
    "conv2.0.spatial_conv": "conv2.spatial",
    "conv2.0.bn": "conv2.bn",
    "conv2.0.temporal_conv": "conv2.temporal",
    "conv2.1": "bn2",
    "conv3.0": "conv3",
    "conv3.1": "bn3",
    "downsample_conv.0": "downsample.0",
    "downsample_conv.1": "downsample.1",
    "encode_conv.0": "conv1",
    "encode_conv.1": "bn1",
    "decode_conv.0": "conv2",
    "decode_conv.1": "bn2",
}
"""Parts of the re-implementation's blocks under their names here."""


@register_model
def corrnet26(num_classes: int, **options: Unpack[CorrNetOptions]) -> CorrNet:
    """CorrNet-26, 32 frames in the paper; no code of its authors exists, so the form is inferred."""
    return CorrNet("corrnet26", (2, 2, 2, 2), num_classes, **options)


@register_model
def corrnet50(num_classes: int, **options: Unpack[CorrNetOptions]) -> CorrNet:
    """CorrNet-50, 32 frames in the paper; no code of its authors exists, so the form is inferred."""
    return CorrNet("corrnet50", (3, 4, 6, 3), num_classes, **options)


@register_model
def corrnet101(num_classes: int, **options: Unpack[CorrNetOptions]) -> CorrNet:
    """CorrNet-101, 32 frames in the paper; no code of its authors exists, so the form is inferred."""
    return CorrNet("corrnet101", (3, 4, 23, 3), num_classes, **options)
