"""One 3-D ResNet as a whole network: I3D and SlowOnly."""

import itertools
from collections.abc import Collection

from jaxtyping import Float
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.models.backbones.resnet3d import (
    EXPANSION,
    PREPROCESSING,
    Pool,
    TrunkPlan,
    as_volume,
    build_trunk,
    check_width,
    initialise,
    make_classifier,
)
from recircle.models.base import VideoModel
from recircle.models.resnet3d_names import Naming, rename_resnet3d
from recircle.views.preprocessing import Preprocessing


class VideoResNet3d(VideoModel):
    """A 3-D ResNet whose features are averaged over space and time before the classifier."""

    consensus = "features"

    def __init__(
        self,
        name: str,
        plan: TrunkPlan,
        num_classes: int,
        *,
        temporal_pool: Pool | None = None,
        namings: Collection[Naming],
        elsewhere: str = "",
        preprocessing: Preprocessing = PREPROCESSING,
        width: int = 64,
        dropout: float = 0.5,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            plan: its form.
            num_classes: K.
            temporal_pool: the pool after the first stage, or None.
            namings: whose published weights are of this network; the names of others are refused.
            elsewhere: the names of the networks whose weights others are, for messages.
            preprocessing: that of the published weights.
            width: channels of the stem, published 64; all other numbers of channels follow in proportion.
            dropout: before the classifier.

        Raises:
            ValueError: width or dropout or num_classes are out of range.
        """
        super().__init__(name, preprocessing)
        check_width(width)
        self.namings, self.elsewhere = namings, elsewhere
        pools = (plan.stem_pool,) if temporal_pool is None else (plan.stem_pool, temporal_pool)
        self.min_frames = next(frames for frames in itertools.count(1) if _frames_left(frames, plan.stem_stride, pools))
        parts = build_trunk(plan, width).values()
        self.conv1, self.bn1, self.act1, self.maxpool, self.layer1, self.layer2, self.layer3, self.layer4 = parts
        self.temporal_pool = nn.Identity() if temporal_pool is None else temporal_pool.build()
        self.num_features = width * 8 * EXPANSION
        initialise(self)
        self.reset_classifier(num_classes, dropout)

    def make_classifier(self, num_classes: int) -> nn.Module:
        """Return a new classifier: weights from N(0, 0.01), no bias at first."""
        return make_classifier(self.num_features, num_classes)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B t C h w"]:
        """Return [B, t, C, h, w] for clips [B, T, 3, H, W]."""
        x = self.maxpool(self.act1(self.bn1(self.conv1(as_volume(clips)))))
        x = self.layer4(self.layer3(self.layer2(self.temporal_pool(self.layer1(x)))))
        return x.transpose(1, 2)

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename published weights of the network, or inflate those of torchvision's ResNet-50.

        Known are the names of PySlowFast, pytorchvideo, mmaction2 and Caffe2. Each slice in time of an inflated kernel
        is the image kernel divided by the number of slices (I3D, Sec. 2.4), so a still clip gives the image's
        features.

        Raises:
            UserError: the names are those of a project whose network of this kind computes something else.
        """
        naming, renamed = rename_resnet3d(state)
        if naming is not None and naming not in self.namings:
            raise UserError(
                f"the file has the names of {naming}, whose network with such weights is not {self.name}: strides or "
                f"pools differ; load it into {self.elsewhere}"
            )
        return _inflate(renamed, self.state_dict())


def _frames_left(frames: int, stem_stride: int, pools: Collection[Pool]) -> int:
    """Return how many frames the last feature map has."""
    left = (frames - 1) // stem_stride + 1
    for pool in pools:
        left = (left + 2 * pool.padding[0] - pool.kernel[0]) // pool.stride[0] + 1
    return left


def _inflate(state: dict[str, Tensor], target: dict[str, Tensor]) -> dict[str, Tensor]:
    """Repeat image kernels over time where the network has 3-D kernels under their names."""
    inflated = dict(state)
    for key, value in state.items():
        if value.dim() == 4 and key in target and target[key].dim() == 5:
            slices = target[key].shape[2]
            inflated[key] = value.unsqueeze(2).repeat(1, 1, slices, 1, 1) / slices
    return inflated
