"""SlowOnly: the slow pathway of SlowFast networks by itself (Feichtenhofer et al., ICCV 2019)."""

from typing import Unpack

from recircle.models.backbones.resnet3d import DEPTHS, TrunkPlan
from recircle.models.backbones.video_resnet3d import VideoResNet3d
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions


def slow_plan(depth: int, temporal: int = 23) -> TrunkPlan:
    """Return the form of a slow pathway.

    Args:
        depth: 50 or 101.
        temporal: so many blocks of the third stage, if there are so many, look at neighbouring frames.
    """
    first, second, third, fourth = DEPTHS[depth]
    looking = tuple(3 if index < temporal else 1 for index in range(third))
    return TrunkPlan(stem_kernel=1, kernels=((1,) * first, (1,) * second, looking, (3,) * fourth))


@register_model
def slowonly_resnet50(num_classes: int, **options: Unpack[HostOptions]) -> VideoResNet3d:
    """SlowOnly with ResNet-50, 8 frames as published (8x8).

    Only the last two stages look at neighbouring frames, and no layer takes frames away. Published weights:
    PySlowFast's and pytorchvideo's SLOW_8x8_R50, the Caffe2 file SLOWONLY_8x8_R50.pkl, and mmaction2's, which were
    trained on frames normalised by ImageNet's mean and deviation (give the model's `preprocessing` those).
    """
    return VideoResNet3d(
        "slowonly_resnet50",
        slow_plan(50),
        num_classes,
        namings=("PySlowFast", "pytorchvideo", "Caffe2", "mmaction2"),
        **options,
    )
