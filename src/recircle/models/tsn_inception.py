"""Temporal Segment Networks (Wang et al., ECCV 2016) on the Inception networks that TSN's authors used."""

from typing import Unpack

from recircle.models.backbones.bn_inception import BN_INCEPTION
from recircle.models.backbones.caffe_inception import VideoInception
from recircle.models.backbones.inception_v3 import INCEPTION_V3
from recircle.models.registry import register_model
from recircle.models.tsn import HostOptions


@register_model
def tsn_bninception(num_classes: int, **options: Unpack[HostOptions]) -> VideoInception:
    """TSN with BN-Inception."""
    return VideoInception("tsn_bninception", BN_INCEPTION, num_classes, **options)


@register_model
def tsn_inceptionv3(num_classes: int, **options: Unpack[HostOptions]) -> VideoInception:
    """TSN with InceptionV3, at 229 pixels."""
    return VideoInception("tsn_inceptionv3", INCEPTION_V3, num_classes, **options)
