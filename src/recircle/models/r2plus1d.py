"""R(2+1)D (Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018)."""

import re
from typing import Unpack

from jaxtyping import Float
from torch import Tensor, nn

from recircle.models.backbones.r2plus1d import BasicBlock, Conv2Plus1d
from recircle.models.backbones.stages import Place, build_stages, doubled
from recircle.models.base import VideoModel, initialise_trunk
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions
from recircle.views.preprocessing import Preprocessing

_PREPROCESSING = Preprocessing(
    resize=(128, 171), crop=112, mean=(0.43216, 0.394666, 0.37645), std=(0.22803, 0.22145, 0.216989)
)


class R2Plus1d(VideoModel):
    """A ResNet of factorised 3-D convolutions, as torchvision has it.

    Its parts are the stem `conv1`, `bn1`, `act1`, the stages `layer1` to `layer4` at 1/2 to 1/16 of the resolution and
    1 to 1/8 of the frames, and `fc`.
    """

    consensus = "features"

    def __init__(
        self, name: str, depths: tuple[int, int, int, int], num_classes: int, *, width: int = 64, dropout: float = 0.0
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            depths: blocks in each stage.
            num_classes: K.
            width: channels of the stem; the stages have 1, 2, 4 and 8 times as many.
            dropout: before the classifier; the published network has none.

        Raises:
            ValueError: width or dropout or num_classes are out of range.
        """
        super().__init__(name, _PREPROCESSING)
        if width < 8:
            raise ValueError(f"width={width} is too narrow; the stem needs 8 channels or more")
        # the published stem has 45 channels between its convolutions, which no formula of the paper gives
        self.conv1 = Conv2Plus1d(3, width, 45 * width // 64, kernel_size=7, stride=(1, 2))
        self.bn1 = nn.BatchNorm3d(width)
        self.act1 = nn.ReLU()

        def block_at(place: Place) -> nn.Module:
            return BasicBlock(place.inplanes, place.planes, place.stride)

        self.layer1, self.layer2, self.layer3, self.layer4 = build_stages(width, depths, doubled(width), block_at)
        self.num_features = 8 * width
        initialise_trunk(self)
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B t C h w"]:
        """Return [B, T/8, C, H/16, W/16] (rounded up) for clips [B, T, 3, H, W]."""
        x = self.act1(self.bn1(self.conv1(clips.transpose(1, 2))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).transpose(1, 2)

    def make_classifier(self, num_classes: int) -> nn.Linear:
        """Return a new classifier of K classes, weights from N(0, 0.01) and no bias at first."""
        fc = nn.Linear(self.num_features, num_classes)
        nn.init.normal_(fc.weight, std=0.01)
        nn.init.zeros_(fc.bias)
        return fc

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of torchvision's r2plus1d checkpoints; other names stay as they are."""
        return {_own_name(key): value for key, value in state.items()}


def _own_name(key: str) -> str:
    stem = re.fullmatch(r"stem\.([0134])\.(\w+)", key)
    if stem:
        return f"{_STEM[stem[1]]}.{stem[2]}"
    part = re.fullmatch(r"(layer\d\.\d+)\.conv(\d)\.(0\.[013]|1)\.(\w+)", key)
    if part:
        prefix, number, index, tensor = part.groups()
        return f"{prefix}.bn{number}.{tensor}" if index == "1" else f"{prefix}.conv{number}.{_CONV[index]}.{tensor}"
    return key


_STEM = {"0": "conv1.spatial", "1": "conv1.bn", "3": "conv1.temporal", "4": "bn1"}
_CONV = {"0.0": "spatial", "0.1": "bn", "0.3": "temporal"}
"""Torchvision numbers the parts of a factorised convolution; what 2 would be, an activation, has no weights."""


@register_model
def r2plus1d_resnet18(num_classes: int, **options: Unpack[HostOptions]) -> R2Plus1d:
    """R(2+1)D with ResNet-18, 16 frames of 112 pixels in torchvision."""
    return R2Plus1d("r2plus1d_resnet18", (2, 2, 2, 2), num_classes, **options)
