"""TEA (Li et al., "TEA: Temporal Excitation and Aggregation for Action Recognition", CVPR 2020) on Res2Net-50 26w4s."""

import re
from typing import Unpack

from jaxtyping import Float
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.layers.frames import BatchNorm2d, Conv2d, MaxPool2d
from recircle.layers.motion_excitation import MotionExcitation
from recircle.layers.temporal_aggregation import ChannelwiseTemporalConv, MultipleTemporalAggregation
from recircle.models.backbones.stages import Place, build_stages, doubled
from recircle.models.base import VideoModel, initialise_trunk
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions


class TeaBlock(nn.Module):
    """A bottleneck with motion excitation, and multiple temporal aggregation in place of its 3x3 convolution."""

    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int, first: bool) -> None:
        super().__init__()
        split, outplanes = planes * 26 // 64, planes * self.expansion
        self.conv1 = Conv2d(inplanes, 4 * split, 1, bias=False)
        self.bn1 = BatchNorm2d(4 * split)
        self.act1 = nn.ReLU()
        self.me = MotionExcitation(4 * split)
        self.mta = MultipleTemporalAggregation(split, stride, first)
        self.conv3 = Conv2d(4 * split, outplanes, 1, bias=False)
        self.bn3 = BatchNorm2d(outplanes)
        self.downsample = (
            nn.Sequential(Conv2d(inplanes, outplanes, 1, stride, bias=False), BatchNorm2d(outplanes))
            if first
            else nn.Identity()
        )
        self.act3 = nn.ReLU()

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c h w"]:
        """Return [B, T, 4 planes, H', W'] for [B, T, inplanes, H, W]."""
        y = self.me(self.act1(self.bn1(self.conv1(x))))
        y = self.bn3(self.conv3(self.mta(y)))
        return self.act3(y + self.downsample(x))


class TEA(VideoModel):
    """A Res2Net whose blocks see the frames beside their own, averaging the logits of the frames.

    Its parts are those of `VideoResNet`: the stem `conv1`, `bn1`, `act1`, `maxpool`, the stages `layer1` to `layer4` at
    1/4 to 1/32 of the resolution, and `fc`.
    """

    def __init__(
        self,
        name: str,
        depths: tuple[int, int, int, int],
        num_classes: int,
        *,
        width: int = 64,
        dropout: float = 0.5,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            depths: blocks in each stage.
            num_classes: K.
            width: channels of the stem; the stages have 4, 8, 16 and 32 times as many.
            dropout: before the classifier.

        Raises:
            ValueError: width or dropout or num_classes are out of range.
        """
        super().__init__(name)
        if width < 8:
            raise ValueError(f"width={width} is too narrow; the stem needs 8 channels or more")
        self.conv1 = Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(width)
        self.act1 = nn.ReLU()
        self.maxpool = MaxPool2d(3, stride=2, padding=1)

        def block_at(place: Place) -> nn.Module:
            return TeaBlock(place.inplanes, place.planes, place.stride, place.index == 0)

        stages = build_stages(width, depths, doubled(width), block_at, expansion=TeaBlock.expansion)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.num_features = 8 * width * TeaBlock.expansion
        initialise_trunk(self)
        for module in self.modules():
            if isinstance(module, MotionExcitation):
                module.reset_parameters()
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T C h w"]:
        """Return [B, T, C, H/32, W/32] (rounded up) for clips [B, T, 3, H, W]."""
        x = self.maxpool(self.act1(self.bn1(self.conv1(clips))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of published TEA checkpoints and of ImageNet weights of Res2Net.

        Raises:
            UserError: the file is a published checkpoint of a video network without motion excitation.
        """
        video = any(key.startswith(("base_model.", "new_fc.")) for key in state)
        if video and not any(".me." in key for key in state):
            raise UserError(
                f"the checkpoint has no motion excitation, so it is not that of {self.name}; "
                "load it into the network it was trained as"
            )
        renamed: dict[str, Tensor] = {}
        for key, value in state.items():
            new = key.removeprefix("base_model.").replace("new_fc.", "fc.")
            new = re.sub(r"^(layer\d\.\d+)\.(convs|bns)\.", r"\1.mta.\2.", new)
            new = re.sub(r"^(layer\d\.\d+)\.shifts\.(\d)\.conv\.", r"\1.mta.temporal.\2.", new)
            renamed[new] = value
        return renamed

    def added_parameters(self) -> set[str]:
        """Return the names of what Res2Net does not have: motion excitation and the convolutions over time."""
        return {
            f"{prefix}.{key}"
            for prefix, module in self.named_modules()
            if isinstance(module, (MotionExcitation, ChannelwiseTemporalConv))
            for key in module.state_dict()
        }


@register_model
def tea_res2net50(num_classes: int, **options: Unpack[HostOptions]) -> TEA:
    """TEA with Res2Net-50 (26w4s), 8 or 16 frames in the paper."""
    return TEA("tea_res2net50", (3, 4, 6, 3), num_classes, **options)
