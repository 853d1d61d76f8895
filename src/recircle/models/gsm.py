"""Gate-Shift Networks (Sudhakaran et al., CVPR 2020): a gate shift in one branch of each Inception block.

It lies between a 1x1 convolution and its norm, in the branch with the fewest convolutions. As in the published network,
block `mixed_6` of InceptionV3 has none. The paper tests clips of 8 to 24 frames, one or two clips a video.
"""

from typing import Unpack

from recircle.models.backbones.bn_inception import BN_INCEPTION
from recircle.models.backbones.caffe_inception import VideoInception
from recircle.models.backbones.inception_v3 import INCEPTION_V3
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions

_BN_INCEPTION_GATES = (
    *(f"inception_{block}_1x1" for block in ("3a", "3b", "4a", "4b", "4c", "4d", "5a", "5b")),
    *(f"inception_{block}_3x3_reduce" for block in ("3c", "4e")),
)
_INCEPTION_V3_GATES = (
    "mixed_conv",
    *(f"mixed_{block}_conv" for block in (1, 2, 4, 5, 7, 9, 10)),
    *(f"mixed_{block}_tower_conv" for block in (3, 8)),
)


@register_model
def gsm_bninception(num_classes: int, **options: Unpack[HostOptions]) -> VideoInception:
    """GSM with BN-Inception, 8 or 16 frames in the paper."""
    options.setdefault("dropout", 0.5)
    return VideoInception("gsm_bninception", BN_INCEPTION, num_classes, gates=_BN_INCEPTION_GATES, **options)


@register_model
def gsm_inceptionv3(num_classes: int, **options: Unpack[HostOptions]) -> VideoInception:
    """GSM with InceptionV3, 8 to 24 frames of 229 pixels in the paper."""
    options.setdefault("dropout", 0.5)
    return VideoInception("gsm_inceptionv3", INCEPTION_V3, num_classes, gates=_INCEPTION_V3_GATES, **options)
