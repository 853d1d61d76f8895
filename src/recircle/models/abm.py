"""Approximated Bilinear Modules (Zhu et al., ICCV 2019) in ResNets.

Registered is the form that the published code calls `iabp` and that is taken to be the paper's "ABM-C-in": products of
features over time in stages 2 to 4. A position in time is a snippet of consecutive frames whose channels are stacked;
"8x3" are 8 positions of 3 frames, clips of 24. ResNet-18 is that code with two blocks in each stage.

Its other form inside the network, `inabp`, is not registered: its layer is
`recircle.layers.bilinear.AdjacentBilinearConv2d`, but no checkpoint of it was published, and which convolutions of the
ResNet it replaces, with what initial weights, is not known here with certainty.
"""

from typing import Unpack

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.layers.bilinear import BilinearConv3d, inflate
from recircle.layers.frames import Conv2d
from recircle.models.backbones.resnet import BasicBlock, Bottleneck, VideoResNet
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions


class AbmOptions(HostOptions, total=False):
    """Options of ABM: `width`, `dropout`, and `snippet`, the consecutive frames of a position."""

    snippet: int


class AbmResNet(VideoResNet):
    """A ResNet with bilinear layers over time, averaging the features of the positions.

    In all blocks of `layer2` to `layer4` but their first, which strides, the 3x3 convolution (of a basic block the
    first one) with its norm and ReLU is a `BilinearConv3d`. With the weights of an image network and a snippet of one
    frame it computes what TSN does.
    """

    consensus = "features"

    def __init__(
        self,
        name: str,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, int, int, int],
        num_classes: int,
        *,
        snippet: int = 3,
        width: int = 64,
        dropout: float = 0.5,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            block: the kind of residual block.
            depths: blocks in each stage.
            num_classes: K.
            snippet: consecutive frames whose channels the stem takes together; T is a multiple of it.
            width: channels of the stem.
            dropout: before the classifier.

        Raises:
            ValueError: snippet, width, dropout or num_classes are out of range.
        """
        if snippet < 1:
            raise ValueError(f"snippet={snippet}: a position has 1 frame or more")
        super().__init__(name, block, depths, num_classes, width=width, dropout=dropout)
        self.frame_multiple = snippet
        image_stem = self.conv1.weight.detach()
        self.conv1 = Conv2d(3 * snippet, width, 7, stride=2, padding=3, bias=False)
        with torch.no_grad():
            self.conv1.weight.copy_(image_stem.repeat(1, snippet, 1, 1))
        number = "1" if block is BasicBlock else "2"
        for stage, layer in enumerate((self.layer2, self.layer3, self.layer4), start=1):
            planes = width * 2**stage
            for residual in [*layer][1:]:
                residual.add_module(f"conv{number}", BilinearConv3d(planes, planes))
                # they are parts of that
                residual.add_module(f"bn{number}", nn.Identity())
                residual.add_module(f"act{number}", nn.Identity())

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B t C h w"]:
        """Return [B, T / snippet, C, H/32, W/32] (rounded up) for clips [B, T, 3, H, W]."""
        stacked = clips.unflatten(1, (-1, self.frame_multiple)).flatten(2, 3)
        return super().forward_features(stacked)

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of published ABM checkpoints, and turn ImageNet weights of torchvision into this network's.

        Of an image network the stem's weight is repeated for each frame of a snippet (and not divided by their
        number), and the 3x3 weights of the bilinear layers are those of the middle frame.

        Raises:
            UserError: the checkpoint is of snippets of another length.
        """
        names = {"fc2": "fc"}
        for place in self._bilinear():
            block, _, conv = place.rpartition(".")
            norm = f"{block}.bn{conv[-1]}"
            names |= {place: f"{place}.conv", norm: f"{place}.norm", f"{place}_abp": f"{place}.factor"}
        renamed: dict[str, Tensor] = {}
        for key, value in state.items():
            layer, _, leaf = key.rpartition(".")
            renamed[f"{names[layer]}.{leaf}" if layer in names else key] = value
        return self._check_snippet(renamed) if self.added_parameters() & renamed.keys() else self._inflate(renamed)

    def added_parameters(self) -> set[str]:
        """Return the names of the auxiliary branches' parameters, which an image network has not."""
        return {f"{place}.factor.{leaf}" for place in self._bilinear() for leaf in ("weight", "bias")}

    def _bilinear(self) -> list[str]:
        return [name for name, module in self.named_modules() if isinstance(module, BilinearConv3d)]

    def _check_snippet(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        stem = state.get("conv1.weight")
        snippet = self.frame_multiple if stem is None or stem.dim() != 4 else stem.shape[1] // 3
        if snippet != self.frame_multiple:
            raise UserError(
                f"the checkpoint takes snippets of {snippet} frames, {self.name} is made for {self.frame_multiple}; "
                f"make it with snippet={snippet}"
            )
        return state

    def _inflate(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        state = dict(state)
        stem = state.get("conv1.weight")
        if stem is not None and stem.dim() == 4 and stem.shape[1] == 3:
            state["conv1.weight"] = stem.repeat(1, self.frame_multiple, 1, 1)
        for place in self._bilinear():
            weight = state.get(f"{place}.conv.weight")
            if weight is not None and weight.dim() == 4:
                state[f"{place}.conv.weight"] = inflate(weight)
        return state


@register_model
def abm_iabp_resnet18(num_classes: int, **options: Unpack[AbmOptions]) -> AbmResNet:
    """ABM-iabp with ResNet-18, in ARC's table with 8 snippets of 3 frames."""
    return AbmResNet("abm_iabp_resnet18", BasicBlock, (2, 2, 2, 2), num_classes, **options)


@register_model
def abm_iabp_resnet34(num_classes: int, **options: Unpack[AbmOptions]) -> AbmResNet:
    """ABM-iabp with ResNet-34, on snippets of 3 frames."""
    return AbmResNet("abm_iabp_resnet34", BasicBlock, (3, 4, 6, 3), num_classes, **options)


@register_model
def abm_iabp_resnet50(num_classes: int, **options: Unpack[AbmOptions]) -> AbmResNet:
    """ABM-iabp with ResNet-50, in ARC's table ("ABM-C-in") with 16 snippets of 3 frames.

    The one published checkpoint is of this network with `snippet=1` and 16 frames.
    """
    return AbmResNet("abm_iabp_resnet50", Bottleneck, (3, 4, 6, 3), num_classes, **options)
