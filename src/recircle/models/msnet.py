"""MSNet (Kwon et al., "MotionSqueeze", ECCV 2020): TSM with motion features after its second stage."""

from typing import Unpack

from jaxtyping import Float
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.layers.motion_squeeze import MotionSqueeze
from recircle.models.backbones.resnet import BasicBlock, Bottleneck, VideoResNet
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions


class MSNet(VideoResNet):
    """A ResNet with the temporal shift, to whose `layer2` output the module `motion` adds motion features."""

    def __init__(self, name: str, depth: int, num_classes: int, *, width: int = 64, dropout: float = 0.5) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            depth: of the ResNet: 18, 34, 50 or 101. The temporal shift begins every block of each.
            num_classes: K.
            width: channels of the stem; as many are correlated.
            dropout: before the classifier.

        Raises:
            ValueError: width or dropout or num_classes are out of range.
        """
        block, depths = _TRUNKS[depth]
        super().__init__(name, block, depths, num_classes, shift_every=1, width=width, dropout=dropout)
        self.motion = MotionSqueeze(2 * width * block.expansion, reduced=width)

    @property
    def stages(self) -> tuple[str, ...]:
        """Those of the ResNet; the motion module lies between the second and the third."""
        return tuple(name for name in super().stages if name != "motion")

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T C h w"]:
        """Return [B, T, C, H/32, W/32] (rounded up) for clips [B, T, 3, H, W]."""
        x = self.maxpool(self.act1(self.bn1(self.conv1(clips))))
        x = self.motion(self.layer2(self.layer1(x)))
        return self.layer4(self.layer3(x))

    def make_classifier(self, num_classes: int) -> nn.Module:
        """Return a new classifier of K classes, drawn as published: Glorot's uniform distribution, no bias at first."""
        fc = nn.Linear(self.num_features, num_classes)
        nn.init.xavier_uniform_(fc.weight)
        nn.init.zeros_(fc.bias)
        return fc

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of published MSNet checkpoints; torchvision's names are this network's own.

        Raises:
            UserError: the file is a published checkpoint, but of a network without the motion module.
        """
        if not any(key.startswith(("base_model.", "new_fc.")) for key in state):
            return state
        if not any(key.startswith("base_model.flow_refinement.") for key in state):
            raise UserError(
                f"the checkpoint has no motion module, so it is that of a TSN or TSM, not of {self.name}; "
                "load it into the network it was trained as"
            )
        renamed: dict[str, Tensor] = {}
        for key, value in state.items():
            if key in _UNUSED and tuple(value.shape) in ((128,), ()):
                continue
            new = key.removeprefix("base_model.")
            for theirs, ours in _NAMES.items():
                if new.startswith(theirs):
                    new = ours + new.removeprefix(theirs)
            if new == "fc.weight" and value.dim() == 3 and value.shape[2] == 1:
                # published as a convolution over frames of kernel size 1
                value = value[:, :, 0]
            renamed[new] = value
        return renamed

    def added_parameters(self) -> set[str]:
        """Return the names of the motion module's parameters, which an image network does not have."""
        return {f"motion.{key}" for key in self.motion.state_dict()}


_TRUNKS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
}

_UNUSED = {
    f"base_model.bn2.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
}
"""A norm of 128 channels that the published network has and does not call."""

_NAMES = {"new_fc.": "fc.", "chnl_reduction.0.": "motion.conv.", "chnl_reduction.1.": "motion.bn."} | {
    f"flow_refinement.conv{step + 1}.{place}.": f"motion.refinement.{step}.{part}."
    for step in range(4)
    for place, part in ((0, "depthwise"), (1, "bn1"), (3, "pointwise"), (4, "bn2"))
}


@register_model
def msnet_resnet18(num_classes: int, **options: Unpack[HostOptions]) -> MSNet:
    """MSNet with ResNet-18."""
    return MSNet("msnet_resnet18", 18, num_classes, **options)


@register_model
def msnet_resnet50(num_classes: int, **options: Unpack[HostOptions]) -> MSNet:
    """MSNet with ResNet-50, 16 frames in the paper."""
    return MSNet("msnet_resnet50", 50, num_classes, **options)
