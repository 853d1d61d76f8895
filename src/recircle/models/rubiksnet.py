"""RubiksNet (Fan et al., ECCV 2020): 1x1 convolutions around a learnable shift in space and time.

"RubiksNet: Learnable 3D-Shift for Efficient Video Action Recognition". After the stem there is no convolution larger
than 1x1: all that neighbours in space and time exchange goes through the shifts.
"""

import re
from typing import Literal, TypedDict, Unpack, get_args

from jaxtyping import Float
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.layers.attention_shift import AttentionShift
from recircle.layers.frames import BatchNorm2d, Conv2d
from recircle.layers.rubiks_shift import RubiksShift, ShiftGradient
from recircle.models.backbones.stages import Place, build_stages, doubled
from recircle.models.base import VideoModel, initialise_trunk
from recircle.models.registry import register_model

Variant = Literal["3d", "aq"]


class RubiksNetOptions(TypedDict, total=False):
    """Options of a RubiksNet.

    Beside `width`, channels of the stem, and `dropout` before the classifier (published: none): `variant`, "3d" for
    the shift in space and time (published files call it rubiks3d), or "aq" for an attention shift in time and a shift
    in space (rubiks3d-aq); and `shift_gradient`, "published" or "exact", see `recircle.layers.rubiks_shift`.
    """

    width: int
    dropout: float
    variant: Variant
    shift_gradient: ShiftGradient


class SqueezeExcitation(nn.Module):
    """Channel gates of each frame (Hu et al., CVPR 2018), here without biases."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.fc1 = nn.Linear(channels, hidden, bias=False)
        self.act = nn.ReLU()
        self.fc2 = nn.Linear(hidden, channels, bias=False)
        self.gate = nn.Sigmoid()

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T C H W"]:
        """Return [B, T, C, H, W] for [B, T, C, H, W]."""
        gates = self.gate(self.fc2(self.act(self.fc1(x.mean((-2, -1))))))
        return x * gates[..., None, None]


class RubiksBlock(nn.Module):
    """Norm, 1x1 convolution, norm, shift, 1x1 convolution, beside a shortcut; the shift has the stride."""

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int,
        variant: Variant,
        shift_gradient: ShiftGradient,
        reduction: int | None,
    ) -> None:
        super().__init__()
        self.bn1 = BatchNorm2d(inplanes)
        self.act1 = nn.ReLU()
        self.attention_shift = AttentionShift(inplanes) if variant == "aq" else nn.Identity()
        self.conv1 = Conv2d(inplanes, planes, 1, bias=False)
        self.bn2 = BatchNorm2d(planes)
        self.act2 = nn.ReLU()
        self.shift = RubiksShift(planes, stride, temporal=variant == "3d", gradient=shift_gradient)
        self.se = nn.Identity() if reduction is None else SqueezeExcitation(planes, reduction)
        self.conv2 = Conv2d(planes, planes, 1, bias=False)
        plain = stride == 1 and inplanes == planes
        self.downsample = None if plain else Conv2d(inplanes, planes, 1, stride, bias=False)

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c h w"]:
        """Return [B, T, planes, H', W'] for [B, T, inplanes, H, W].

        A shortcut with a convolution begins behind the first activation, one without before the first norm.
        """
        y = self.act1(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(y)
        y = self.act2(self.bn2(self.conv1(self.attention_shift(y))))
        return self.conv2(self.se(self.shift(y))) + shortcut


class RubiksNet(VideoModel):
    """A pre-activation residual network of shifts, averaging the logits of the frames.

    Its parts are the stem `conv1`, the stages `layer0` to `layer4` at 1/2 to 1/32 of the resolution, `bn`, `act` and
    `fc`. Published training gives the shifts 0.01 times the learning rate and no weight decay.
    """

    def __init__(
        self,
        name: str,
        depths: tuple[int, int, int, int],
        num_classes: int,
        *,
        width: int,
        reduction: int | None = None,
        dropout: float = 0.0,
        variant: Variant = "3d",
        shift_gradient: ShiftGradient = "published",
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            depths: blocks in `layer1` to `layer4`; `layer0` has one.
            num_classes: K.
            width: channels of the stem; the stages have 1, 1, 2, 4 and 8 times as many.
            reduction: squeeze-excitation in each block has C // reduction hidden features; None is none.
            dropout: before the classifier.
            variant: "3d" or "aq".
            shift_gradient: "published" or "exact".

        Raises:
            ValueError: width or dropout or num_classes are out of range, or a name is unknown.
        """
        super().__init__(name)
        if width < 8:
            raise ValueError(f"width={width} is too narrow; the stem needs 8 channels or more")
        if variant not in get_args(Variant):
            raise ValueError(f"variant={variant!r} is not one of {', '.join(get_args(Variant))}")
        self.variant = variant
        self.conv1 = Conv2d(3, width, 3, stride=2, padding=1, bias=False)

        def block_at(place: Place) -> nn.Module:
            return RubiksBlock(place.inplanes, place.planes, place.stride, variant, shift_gradient, reduction)

        stages = build_stages(width, (1, *depths), (width, *doubled(width)), block_at)
        self.layer0, self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.num_features = 8 * width
        self.bn = BatchNorm2d(self.num_features)
        self.act = nn.ReLU()
        initialise_trunk(self)
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T C h w"]:
        """Return [B, T, C, H/32, W/32] (rounded up) for clips [B, T, 3, H, W]."""
        x = self.layer1(self.layer0(self.conv1(clips)))
        return self.act(self.bn(self.layer4(self.layer3(self.layer2(x)))))

    def make_classifier(self, num_classes: int) -> nn.Linear:
        """Return a new classifier of K classes, with torch's initial weights."""
        return nn.Linear(self.num_features, num_classes)

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of published checkpoints.

        Their entries `tier` and `variant` stand beside the state dict and are not read; the keys tell the variant, and
        another tier has other blocks or shapes.

        Raises:
            UserError: the checkpoint is of the other variant.
        """
        if not any(key.startswith("backbone.") for key in state):
            return state
        theirs = "3d" if any(".rubiks3d." in key for key in state) else "aq"
        if theirs != self.variant:
            raise UserError(
                f'the checkpoint is of the variant "{theirs}" of RubiksNet, this {self.name} of "{self.variant}"; '
                f'make the network with variant="{theirs}"'
            )
        return {_rename(key): value for key, value in state.items()}


_NAMES = {
    "conv2": "conv1",
    "conv2.0.T": "attention_shift.temperature",
    "conv2.0": "attention_shift",
    "conv2.1": "conv1",
    "as3": "shift",
    "as3.rubiks3d": "shift",
    "se.fc.0": "se.fc1",
    "se.fc.2": "se.fc2",
    "conv3": "conv2",
    "shortcut": "downsample",
}
"""Of the parts of a block: published, here."""


def _rename(key: str) -> str:
    key = key.removeprefix("backbone.").replace("bn_last.", "bn.").replace("new_fc.", "fc.")
    inside = re.fullmatch(r"(layer\d\.\d+)\.(.+?)(\.(?:weight|shift))?", key)
    if inside is None or inside[2] not in _NAMES:
        return key
    return f"{inside[1]}.{_NAMES[inside[2]]}{inside[3] or ''}"


@register_model
def rubiksnet_tiny(num_classes: int, **options: Unpack[RubiksNetOptions]) -> RubiksNet:
    """RubiksNet-Tiny, 8 frames in the paper."""
    return RubiksNet("rubiksnet_tiny", (3, 4, 6, 3), num_classes, **{"width": 54, **options})


@register_model
def rubiksnet_small(num_classes: int, **options: Unpack[RubiksNetOptions]) -> RubiksNet:
    """RubiksNet-Small, 8 frames in the paper, with squeeze-excitation."""
    return RubiksNet("rubiksnet_small", (3, 4, 6, 3), num_classes, reduction=12, **{"width": 72, **options})


@register_model
def rubiksnet_medium(num_classes: int, **options: Unpack[RubiksNetOptions]) -> RubiksNet:
    """RubiksNet-Medium, 8 frames in the paper."""
    return RubiksNet("rubiksnet_medium", (3, 4, 23, 3), num_classes, **{"width": 72, **options})


@register_model
def rubiksnet_large(num_classes: int, **options: Unpack[RubiksNetOptions]) -> RubiksNet:
    """RubiksNet-Large, 8 frames in the paper."""
    return RubiksNet("rubiksnet_large", (3, 8, 36, 3), num_classes, **{"width": 72, **options})
