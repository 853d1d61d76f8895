"""The Inception networks of TSN's authors for video (Wang et al., ECCV 2016): what all of them share.

The published networks pool the last maps with kernels of fixed size; here they are averaged whole.
"""

from collections.abc import Collection

from jaxtyping import Float
from torch import Tensor, fx

from recircle.errors import UserError
from recircle.layers.gate_shift import GateShift
from recircle.models.backbones.caffe_graph import ConvNormAct, InceptionGraph, build_part
from recircle.models.base import VideoModel, initialise_trunk


class VideoInception(VideoModel):
    """An Inception network whose tensors are [B, T, C, H, W], averaging the logits of the frames.

    Its parts have the names of the graph's; `mixed_1.branch5x5.1.conv` is the second convolution of a branch.

    Attributes:
        graph: what it consists of.
        trunk_features: channels of its last maps.
    """

    def __init__(
        self,
        name: str,
        graph: InceptionGraph,
        num_classes: int,
        *,
        gates: Collection[str] = (),
        width: int | None = None,
        dropout: float = 0.8,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            graph: what it consists of.
            num_classes: K.
            gates: published names of the convolutions that a gate shift follows.
            width: channels of the first convolution, None for the graph's; all numbers of channels are in proportion
                to it, rounded to multiples of 8.
            dropout: before the classifier.

        Raises:
            ValueError: width or dropout or num_classes are out of range.
        """
        super().__init__(name, graph.preprocessing)
        width = graph.width if width is None else width
        if width < 8:
            raise ValueError(f"width={width} is too narrow; the stem needs 8 channels or more")
        self.graph = graph
        planes = 3
        for part, content in graph.parts.items():
            module, planes = build_part(content, planes, width / graph.width)
            self.add_module(part, module)
        self.trunk_features = self.num_features = planes
        initialise_trunk(self)
        convolutions = {layer.published: layer for layer in self.modules() if isinstance(layer, ConvNormAct)}
        for published in gates:
            layer = convolutions[published]
            layer.gate = GateShift(layer.conv.out_channels)
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T C h w"]:
        """Return [B, T, C, h, w], about 1/32 of the resolution, for clips [B, T, 3, H, W].

        Raises:
            ValueError: the branches do not fit together at this H or W; the message says which sides near them do.
        """
        check_sides(clips, self)
        x = clips
        for part in self.graph.parts:
            x = getattr(self, part)(x)
        return x

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of published TSN and GSM checkpoints, and of the ImageNet files of TSN's authors.

        The norms of the ImageNet files have tensors of shape (1, C), which become (C).

        Raises:
            UserError: a checkpoint of TSN's family has no gates, but this network has.
        """
        gated = any("gate" in name.split(".") for name, _ in self.named_parameters())
        video = any(key.startswith(("base_model.", "new_fc.")) for key in state)
        if gated and video and not any(key.startswith("base_model.gsm_") for key in state):
            raise UserError(
                f"the checkpoint has no gate shift, which {self.name} has, so its weights would not mean the same; "
                "load it into the network it was trained as (tsn_...)"
            )
        ours = self._published_names()
        renamed: dict[str, Tensor] = {}
        for key, value in state.items():
            module, _, parameter = key.removeprefix("base_model.").rpartition(".")
            new = ours.get(module)
            if new is None:
                renamed[key] = value
                continue
            flat = new.endswith(".norm") and value.dim() == 2 and value.shape[0] == 1
            renamed[f"{new}.{parameter}"] = value[0] if flat else value
        return renamed

    def _published_names(self) -> dict[str, str]:
        """Return this network's names of modules by those of the published networks."""
        graph = self.graph
        names = {"new_fc": "fc", "top_cls_fc": "fc", "last_linear": "fc"}
        for path, layer in self.named_modules():
            if isinstance(layer, ConvNormAct):
                names[graph.conv_name.format(layer.published)] = f"{path}.conv"
                names[graph.norm_name.format(layer.published)] = f"{path}.norm"
                gate = graph.gate_name.format(layer.published)
                names[f"{gate}.bn"] = f"{path}.gate.norm"
                names[f"{gate}.conv3D"] = f"{path}.gate.conv"
        return names

    def added_parameters(self) -> set[str]:
        """Return the names of everything in the gates, which an image network does not have."""
        return {key for key in self.state_dict() if "gate" in key.split(".")}


@fx.wrap  # a symbolic trace sees one call here, not the questions about shapes
def check_sides(clips: Tensor, model: VideoInception) -> None:
    """Insist on frames of a size at which the branches of all blocks fit together.

    Raises:
        UserError: they do not.
    """
    smallest = model.graph.smallest
    for side in (clips.shape[-2], clips.shape[-1]):
        beyond = side - smallest
        if beyond >= 0 and beyond % 32 < 8:
            continue
        below = smallest + beyond // 32 * 32
        fitting = [f"{first} to {first + 7}" for first in (below, below + 32) if first >= smallest]
        raise UserError(
            f"frames of {clips.shape[-2]} x {clips.shape[-1]} pixels: at a side of {side} the branches of {model.name} "
            f"make maps of different sizes; near it {' and '.join(fitting or [f'{smallest} to {smallest + 7}'])} fit"
        )
