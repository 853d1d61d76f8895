"""SlowFast networks (Feichtenhofer et al., ICCV 2019): a wide pathway of few frames, a narrow one of all of them."""

from typing import Unpack

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.models.backbones.resnet3d import (
    DEPTHS,
    EXPANSION,
    PREPROCESSING,
    TrunkPlan,
    as_volume,
    build_trunk,
    check_width,
    initialise,
    make_classifier,
)
from recircle.models.base import VideoModel
from recircle.models.registry import register_model
from recircle.models.resnet3d_names import rename_resnet3d
from recircle.models.slowonly import slow_plan
from recircle.models.tsn import HostOptions
from recircle.views.preprocessing import Preprocessing

BETA_INVERSE = 8
"""The slow pathway has so many channels for each of the fast one."""
_LATERALS = ("conv1", "layer1", "layer2", "layer3")


class EvenFrames(nn.Module):
    """Pick one of `alpha` frames: T / alpha positions evenly spaced from the first frame to the last, rounded down.

    They are those of `torch.linspace(0, T - 1, T // alpha).long()`, which the published code takes; so not every
    alpha-th. The arithmetic is that function's, in its float32, whose rounding decides where a position is a whole
    number (such as the 14th of 40 slow frames).
    """

    def __init__(self, alpha: int) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, clips: Shaped[Tensor, "B T *rest"]) -> Shaped[Tensor, "B t *rest"]:
        """Return [B, T / alpha, ...] for clips [B, T, ...]."""
        k = torch.arange(clips.shape[1] // self.alpha, dtype=torch.float32, device=clips.device)
        last = k[-1]
        end = self.alpha * last + (self.alpha - 1)
        at_least_1 = last.clamp(min=1)
        step = end / at_least_1
        positions = torch.where(2 * k < at_least_1, k * step, end - (last - k) * step)
        return clips.index_select(1, positions.long())


class EveryFrame(nn.Module):
    """Pick every alpha-th frame, beginning with the first."""

    def __init__(self, alpha: int) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, clips: Shaped[Tensor, "B T *rest"]) -> Shaped[Tensor, "B t *rest"]:
        """Return [B, T / alpha, ...] for clips [B, T, ...]."""
        return clips.unflatten(1, (-1, self.alpha)).select(2, 0)


class Lateral(nn.Module):
    """Bring fast features to the slow frames and to twice the channels by a strided convolution over time."""

    def __init__(self, channels: int, kernel: int, alpha: int, normalise: bool) -> None:
        super().__init__()
        out = 2 * channels
        self.conv = nn.Conv3d(channels, out, (kernel, 1, 1), (alpha, 1, 1), (kernel // 2, 0, 0), bias=False)
        self.bn = nn.BatchNorm3d(out) if normalise else nn.Identity()
        self.act = nn.ReLU() if normalise else nn.Identity()

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B c t H W"]:
        """Return [B, 2C, T / alpha, H, W] for [B, C, T, H, W]."""
        return self.act(self.bn(self.conv(x)))


class SlowFast(VideoModel):
    """A SlowFast network of two 3-D ResNets.

    It takes all frames of the fast pathway and picks the slow ones itself. Its parts are the ResNets `slow` and `fast`
    (`slow.layer1.0.conv1` and so on), `laterals`, named after the part of the fast pathway they come from, and `fc`.
    """

    consensus = "features"

    def __init__(
        self,
        name: str,
        slow: TrunkPlan,
        fast: TrunkPlan,
        num_classes: int,
        *,
        fusion_kernel: int,
        alpha: int = 4,
        pick: type[EvenFrames] | type[EveryFrame] = EvenFrames,
        normalise_laterals: bool = True,
        preprocessing: Preprocessing = PREPROCESSING,
        width: int = 64,
        dropout: float = 0.5,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            slow: the form of the slow pathway.
            fast: the form of the fast pathway.
            num_classes: K.
            fusion_kernel: temporal size of the kernels of the lateral connections.
            alpha: frames of the fast pathway for each of the slow one.
            pick: how the slow frames are picked.
            normalise_laterals: a batch norm and a ReLU follow the convolution of each lateral connection.
            preprocessing: that of the published weights.
            width: channels of the slow stem, published 64; all other numbers of channels follow in proportion.
            dropout: before the classifier.

        Raises:
            ValueError: width or dropout or num_classes are out of range.
        """
        super().__init__(name, preprocessing)
        check_width(width)
        self.alpha = self.frame_multiple = alpha
        narrow = width // BETA_INVERSE
        sources = [narrow] + [narrow * EXPANSION * 2**stage for stage in range(3)]
        self.slow_frames = pick(alpha)
        self.slow = nn.ModuleDict(build_trunk(slow, width, [2 * channels for channels in sources]))
        self.fast = nn.ModuleDict(build_trunk(fast, narrow))
        laterals = [Lateral(channels, fusion_kernel, alpha, normalise_laterals) for channels in sources]
        self.laterals = nn.ModuleDict(dict(zip(_LATERALS, laterals, strict=True)))
        self.num_features = (width + narrow) * 8 * EXPANSION
        initialise(self)
        self.reset_classifier(num_classes, dropout)

    def make_classifier(self, num_classes: int) -> nn.Module:
        """Return a new classifier: weights from N(0, 0.01), no bias at first."""
        return make_classifier(self.num_features, num_classes)

    @property
    def stages(self) -> tuple[str, ...]:
        """None: its trunks lie beside one another."""
        return ()

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B t C h w"]:
        """Return [B, T / alpha, C, h, w] for clips [B, T, 3, H, W].

        The channels are those of the slow pathway, then those of the fast one, averaged over alpha frames each. Their
        mean over time and space is the mean of either pathway by itself, which is what the classifier takes.
        """
        slow, fast = as_volume(self.slow_frames(clips)), as_volume(clips)
        for part in ("conv1", "bn1", "act1", "maxpool"):
            slow, fast = self.slow[part](slow), self.fast[part](fast)
        for before, part in zip(_LATERALS, ("layer1", "layer2", "layer3", "layer4"), strict=True):
            slow = self.slow[part](torch.cat((slow, self.laterals[before](fast)), 1))
            fast = self.fast[part](fast)
        fast = fast.unflatten(2, (-1, self.alpha)).mean(3)
        return torch.cat((slow, fast), 1).transpose(1, 2)

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename published weights of the network: those of PySlowFast, pytorchvideo, mmaction2 and Caffe2.

        Raises:
            UserError: they are an image network's; or the lateral connections in the file have no norms and ReLUs as
                this network has, or have them as it has not.
        """
        if "conv1.weight" in state:
            raise UserError(
                f"the file holds an image network's weights, and {self.name} has no place for them, being trained from "
                "scratch; leave pretrained out, or give a SlowFast file"
            )
        _, renamed = rename_resnet3d(state, pathways=2)
        if "laterals.conv1.conv.weight" in renamed:
            normalised = "laterals.conv1.bn.weight" in renamed
            if normalised == isinstance(self.laterals["conv1"].bn, nn.Identity):
                theirs, name = ("norms", "slowfast_resnet50") if normalised else ("no norms", _BARE)
                raise UserError(
                    f"the lateral connections in the file have {theirs}, unlike those of {self.name}, so it is another "
                    f"network; load it into one such as {name}"
                )
        return renamed


def fast_plan(depth: int, temporal: int = 23) -> TrunkPlan:
    """Return the form of a fast pathway.

    Args:
        depth: 50 or 101.
        temporal: so many blocks of the third stage, if there are so many, look at neighbouring frames.
    """
    kernels = [(3,) * blocks for blocks in DEPTHS[depth]]
    third = tuple(3 if index < temporal else 1 for index in range(len(kernels[2])))
    return TrunkPlan(stem_kernel=5, kernels=(kernels[0], kernels[1], third, kernels[3]))


_BARE = "slowfast_resnet50_mmaction2"


@register_model
def slowfast_resnet50(num_classes: int, **options: Unpack[HostOptions]) -> SlowFast:
    """SlowFast with ResNet-50, 32 frames, 8 of them slow, as published (8x8).

    Published weights: SLOWFAST_8x8_R50 of PySlowFast and pytorchvideo, and the Caffe2 file of that name.
    """
    return SlowFast("slowfast_resnet50", slow_plan(50), fast_plan(50), num_classes, fusion_kernel=7, **options)


@register_model
def slowfast_resnet50_mmaction2(num_classes: int, **options: Unpack[HostOptions]) -> SlowFast:
    """SlowFast with ResNet-50 in mmaction2's form, 32 frames, 8 of them slow, as published (8x8).

    It differs from PySlowFast's in that every fourth frame is a slow one, that no norms and ReLUs follow the
    convolutions of the lateral connections, and that frames are normalised by ImageNet's mean and deviation.
    """
    return SlowFast(
        _BARE,
        slow_plan(50),
        fast_plan(50),
        num_classes,
        fusion_kernel=7,
        pick=EveryFrame,
        normalise_laterals=False,
        preprocessing=Preprocessing(),
        **options,
    )


@register_model
def slowfast_resnet101(num_classes: int, **options: Unpack[HostOptions]) -> SlowFast:
    """SlowFast with ResNet-101, 64 frames, 16 of them slow, as published (16x8).

    Only the first 6 of the 23 blocks of the third stage look at neighbouring frames, in both pathways. Published
    weights: SLOWFAST_16x8_R101_50_50 of PySlowFast and pytorchvideo, and the Caffe2 file of that name.
    """
    slow, fast = slow_plan(101, temporal=6), fast_plan(101, temporal=6)
    return SlowFast("slowfast_resnet101", slow, fast, num_classes, fusion_kernel=5, **options)
