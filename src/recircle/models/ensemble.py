"""Networks that see one clip at several frame rates and average their scores: the "8+16" row of the paper's Table 1."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Unpack

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, fx, nn

from recircle.models.arc import ArcOptions, arc_tsm_resnet50
from recircle.models.base import VideoModel
from recircle.models.registry import register_model
from recircle.models.tsm import tsm_resnet50
from recircle.models.tsn import HostOptions


class FrameRateEnsemble(VideoModel):
    """Members of one kind, each of which takes a number of frames of its own from the clip.

    The scores of the members, their softmax, are averaged; the logits are the logarithm of that. A member of n frames
    takes the middles of n equal parts of the clip, so a clip of as many frames as the largest member has serves all.
    (In the published protocol each member's frames are drawn from the video itself, which is the same for the largest
    member, and at most half a frame of the clip away for the others.)
    """

    def __init__(self, name: str, members: Sequence[VideoModel], frames: Sequence[int]) -> None:
        """Put networks together.

        Args:
            name: what it is registered as.
            members: networks of the same classes, number of features and preprocessing.
            frames: how many frames each takes.
        """
        first = members[0]
        super().__init__(name, first.preprocessing)
        self.members = nn.ModuleList(members)
        self.frames = tuple(frames)
        self.min_frames = max(frames)
        self.num_classes, self.num_features, self.dropout = first.num_classes, first.num_features, first.dropout

    @property
    def fc(self) -> nn.Module:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The classifiers of the members."""
        return nn.ModuleList([member.fc for member in self._networks])

    @property
    def classifier_keys(self) -> tuple[str, ...]:
        """Names of the parameters whose shape depends on K."""
        return tuple(
            f"members.{index}.{key}" for index, member in enumerate(self._networks) for key in member.classifier_keys
        )

    @property
    def _networks(self) -> list[VideoModel]:
        return [member for member in self.members if isinstance(member, VideoModel)]

    @property
    def stages(self) -> tuple[str, ...]:
        """None: its trunks lie beside one another."""
        return ()

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B t C h w"]:
        """Return the maps of all members, one after the other in time: [B, 8 + 16, C, h, w]."""
        maps: list[Tensor] = []
        for member, frames in zip(self._networks, self.frames):
            maps.append(member.forward_features(middle_frames(clips, frames)))
        return torch.cat(maps, 1)

    def forward_head(self, features: Float[Tensor, "B t C h w"], pre_logits: bool = False) -> Float[Tensor, "B ..."]:
        """Classify the maps of all members.

        Args:
            features: from `forward_features`.
            pre_logits: stop before dropout and the classifiers.

        Returns:
            Log-probabilities [B, K]; or with `pre_logits` the pooled features of each frame, [B, 8 + 16, C].
        """
        ends = [*accumulate(self.frames)]
        parts = [features[:, end - count : end] for end, count in zip(ends, self.frames)]
        if pre_logits:
            return torch.cat([m.forward_head(part, True) for m, part in zip(self._networks, parts)], 1)
        scores = [m.forward_head(part).log_softmax(-1) for m, part in zip(self._networks, parts)]
        return torch.stack(scores).logsumexp(0) - math.log(len(scores))

    def reset_classifier(self, num_classes: int, dropout: float | None = None) -> None:
        """Put new classifiers on all members; see `VideoModel.reset_classifier`."""
        for member in self._networks:
            member.reset_classifier(num_classes, dropout)
        self.num_classes, self.dropout = num_classes, self._networks[0].dropout


@fx.wrap  # a symbolic trace sees one call here, not the questions about shapes
def middle_frames(clips: Shaped[Tensor, "B T *rest"], frames: int) -> Shaped[Tensor, "B t *rest"]:
    """Return [B, frames, ...], the middles of so many equal parts of clips [B, T, ...]."""
    middles = (2 * torch.arange(frames, device=clips.device) + 1) * clips.shape[1] // (2 * frames)
    return clips.index_select(1, middles)


@register_model
def arc_tsm_resnet50_8f_16f(num_classes: int, **options: Unpack[ArcOptions]) -> FrameRateEnsemble:
    """Two ARC-TSM with ResNet-50, one on 8 frames and one on 16, their scores averaged (paper, Table 1, "8+16").

    The members are trained alone, as `arc_tsm_resnet50`, and put together by `recircle ensemble RUN RUN`.
    """
    members = [arc_tsm_resnet50(num_classes, **options) for _ in (8, 16)]
    return FrameRateEnsemble("arc_tsm_resnet50_8f_16f", members, (8, 16))


@register_model
def tsm_resnet50_8f_16f(num_classes: int, **options: Unpack[HostOptions]) -> FrameRateEnsemble:
    """Two TSM with ResNet-50, one on 8 frames and one on 16, their scores averaged ("8+16" in the TSM paper).

    The members are trained alone, as `tsm_resnet50`, and put together by `recircle ensemble RUN RUN`.
    """
    members = [tsm_resnet50(num_classes, **options) for _ in (8, 16)]
    return FrameRateEnsemble("tsm_resnet50_8f_16f", members, (8, 16))
