"""I3D on ResNet-50: an image network inflated to 3-D (Carreira and Zisserman, CVPR 2017; Wang et al., CVPR 2018).

Alternate 1x1 convolutions see three frames, and the stem five. The networks here differ in how they get rid of frames
and pixels; their weights are alike in names and shapes, so load them where they belong.
"""

from dataclasses import replace
from typing import Unpack

from recircle.models.backbones.resnet3d import DEPTHS, Pool, TrunkPlan
from recircle.models.backbones.video_resnet3d import VideoResNet3d
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions
from recircle.views.preprocessing import Preprocessing

TEMPORAL_POOL = Pool(kernel=(2, 1, 1), stride=(2, 1, 1))
"""After the first stage."""


def i3d_plan(depth: int) -> TrunkPlan:
    """Return the form of an I3D of depth 50 or 101, with neither strides nor pools over time."""
    first, second, third, fourth = DEPTHS[depth]
    kernels = ((3,) * first, _alternating(3, 1, second), _alternating(3, 1, third), _alternating(1, 3, fourth))
    return TrunkPlan(stem_kernel=5, kernels=kernels)


def _alternating(even: int, odd: int, blocks: int) -> tuple[int, ...]:
    return tuple(odd if index % 2 else even for index in range(blocks))


@register_model
def i3d_resnet50(num_classes: int, **options: Unpack[HostOptions]) -> VideoResNet3d:
    """I3D with ResNet-50 in PySlowFast's form, 8 frames as published.

    Time is halved once, after the first stage; config I3D_8x8_R50. Published weights: PySlowFast's, pytorchvideo's,
    the Caffe2 file I3D_8x8_R50.pkl.
    """
    return VideoResNet3d(
        "i3d_resnet50",
        i3d_plan(50),
        num_classes,
        temporal_pool=TEMPORAL_POOL,
        namings=("PySlowFast", "pytorchvideo", "Caffe2"),
        elsewhere="i3d_resnet50_mmaction2",
        **options,
    )


@register_model
def i3d_resnet50_res5_stride1(num_classes: int, **options: Unpack[HostOptions]) -> VideoResNet3d:
    """I3D with ResNet-50 whose last stage keeps the resolution, 32 frames as published.

    It is the network of "Videos as Space-Time Region Graphs" (Wang and Gupta, ECCV 2018), whose costs and accuracies
    TSM's and ARC's tables give as those of I3D. Weights of `i3d_resnet50` fit it.
    """
    return VideoResNet3d(
        "i3d_resnet50_res5_stride1",
        replace(i3d_plan(50), last_stride=1),
        num_classes,
        temporal_pool=TEMPORAL_POOL,
        namings=("PySlowFast", "pytorchvideo", "Caffe2"),
        elsewhere="i3d_resnet50_mmaction2",
        **options,
    )


@register_model
def i3d_resnet50_nonlocal(num_classes: int, **options: Unpack[HostOptions]) -> VideoResNet3d:
    """I3D with ResNet-50 as the baseline of Non-local networks, 32 frames as published.

    Wang et al., CVPR 2018, Table 1: stem, first pool and the pool after the first stage all halve time. As in the
    published code the first pool takes 2x3x3 values without padding, where the paper has 3x3x3. Published weights: the
    Caffe2 file i3d_baseline_32x2_IN_pretrain_400k.pkl, whose names and shapes are also those of I3D_8x8_R50.pkl.
    """
    return VideoResNet3d(
        "i3d_resnet50_nonlocal",
        replace(i3d_plan(50), stem_stride=2, stem_pool=Pool(kernel=(2, 3, 3), stride=(2, 2, 2))),
        num_classes,
        temporal_pool=TEMPORAL_POOL,
        namings=("Caffe2",),
        elsewhere="i3d_resnet50, or i3d_resnet50_mmaction2 if it is mmaction2's",
        **options,
    )


@register_model
def i3d_resnet50_mmaction2(num_classes: int, **options: Unpack[HostOptions]) -> VideoResNet3d:
    """I3D with ResNet-50 in mmaction2's form, 32 frames as published.

    As Non-local's, but the first pool takes 1x3x3 values of every second frame, with padding; and frames are
    normalised by ImageNet's mean and deviation.
    """
    return VideoResNet3d(
        "i3d_resnet50_mmaction2",
        replace(i3d_plan(50), stem_stride=2, stem_pool=Pool(kernel=(1, 3, 3), stride=(2, 2, 2), padding=(0, 1, 1))),
        num_classes,
        temporal_pool=TEMPORAL_POOL,
        namings=("mmaction2",),
        elsewhere="i3d_resnet50, or i3d_resnet50_nonlocal if it is Non-local's",
        preprocessing=Preprocessing(),
        **options,
    )
