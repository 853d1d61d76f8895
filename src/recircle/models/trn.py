"""Temporal Relation Networks (Zhou et al., ECCV 2018): relations of frames on the features of BN-Inception."""

import re
from typing import Unpack

from jaxtyping import Float
from torch import Tensor, nn

from recircle.layers.temporal_relation import MultiScaleRelation, TemporalRelation
from recircle.models.backbones.bn_inception import BN_INCEPTION
from recircle.models.backbones.caffe_graph import InceptionGraph
from recircle.models.backbones.caffe_inception import VideoInception
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions

FRAME_FEATURES = 256


class TrnOptions(HostOptions, total=False):
    """Options of a TRN.

    Beside those of other networks `frames` (8), which every clip has, and `multi_scale` (True): relations of all
    numbers of frames from T down to 2, or of all T only.
    """

    frames: int
    multi_scale: bool


class RelationClassifier(nn.Module):
    """What a TRN has behind its image network: a linear projection of each frame, then their relations."""

    def __init__(self, num_features: int, frames: int, num_classes: int, multi_scale: bool) -> None:
        super().__init__()
        self.projection = nn.Linear(num_features, FRAME_FEATURES)
        nn.init.normal_(self.projection.weight, std=0.001)
        nn.init.zeros_(self.projection.bias)
        head = MultiScaleRelation if multi_scale else TemporalRelation
        self.relation = head(FRAME_FEATURES, frames, num_classes)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B K"]:
        """Return logits [B, K] for the pooled features of frames, [B, T, C]."""
        return self.relation(self.projection(x))


class VideoTrn(VideoInception):
    """An Inception network with relations of T frames as its classifier.

    The relations' weights depend on T, so it takes clips of `frames` frames only. All that is trained anew on an image
    network, the projection to 256 features a frame (behind the dropout) and the relations, is the module `fc`;
    `num_features` counts the projected features, which the relations take.
    """

    fc: RelationClassifier  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        name: str,
        graph: InceptionGraph,
        num_classes: int,
        *,
        frames: int = 8,
        multi_scale: bool = True,
        width: int | None = None,
        dropout: float = 0.8,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            graph: the image network.
            num_classes: K.
            frames: T of all clips, 2 to 16.
            multi_scale: relations of all numbers of frames from T down to 2, or of all T only.
            width: see `VideoInception`.
            dropout: before the projection.

        Raises:
            ValueError: an option is out of range.
        """
        # known before the network is built, since its classifier depends on them
        self.min_frames = self.max_frames = frames
        self.multi_scale = multi_scale
        super().__init__(name, graph, num_classes, width=width, dropout=dropout)
        self.num_features = FRAME_FEATURES

    def forward_head(self, features: Float[Tensor, "B T C h w"], pre_logits: bool = False) -> Float[Tensor, "B ..."]:
        """Classify feature maps.

        Args:
            features: [B, T, C, h, w], from `forward_features`.
            pre_logits: stop before the relations.

        Returns:
            Logits [B, K]; or with `pre_logits` the projected features of the frames, [B, T, 256].
        """
        pooled = self.dropout(features.mean((-2, -1)))
        return self.fc.projection(pooled) if pre_logits else self.fc(pooled)

    def make_classifier(self, num_classes: int) -> RelationClassifier:
        """Return a new projection, with weights from N(0, 0.001), and new relations of K classes."""
        return RelationClassifier(self.trunk_features, self.min_frames, num_classes, self.multi_scale)

    @property
    def classifier_keys(self) -> tuple[str, ...]:
        """Names of the last linear layer of each relation; a file of other classes loads without them."""
        return tuple(f"fc.{key}" for key in self.fc.state_dict() if re.search(r"\boutput\.(weight|bias)$", key))

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of published TRN checkpoints, and of the ImageNet files of TSN's authors."""
        renamed: dict[str, Tensor] = {}
        for key, value in state.items():
            relation = relation_name(key.removeprefix("consensus."))
            new = f"fc.relation.{relation}" if relation else key.replace("new_fc.", "fc.projection.")
            renamed[new] = value
        return super().convert_published(renamed)

    def added_parameters(self) -> set[str]:
        """Return the names of the projection and the relations, which an image network does not have."""
        return {f"fc.{key}" for key in self.fc.state_dict()}


def relation_name(published: str) -> str | None:
    """Return the name in a relation head of a parameter of the published heads, or None.

    Number i of `fc_fusion_scales` is the relation of T - i frames; the single-scale head is called `classifier`.
    """
    found = re.fullmatch(r"(?:fc_fusion_scales\.(\d+)|classifier)\.([13])\.(weight|bias)", published)
    if not found:
        return None
    scale, layer, parameter = found.groups()
    ours = f"{'hidden' if layer == '1' else 'output'}.{parameter}"
    return ours if scale is None else f"scales.{scale}.{ours}"


@register_model
def trn_bninception(num_classes: int, **options: Unpack[TrnOptions]) -> VideoTrn:
    """TRN with BN-Inception; takes clips of 8 frames, or as many as its option `frames` says."""
    return VideoTrn("trn_bninception", BN_INCEPTION, num_classes, **options)
