"""Temporal Segment Networks (Wang et al., ECCV 2016): an image network on each frame, logits averaged over them."""

from typing import TypedDict, Unpack

from recircle.models.backbones.efficientnet_lite import VideoEfficientNetLite
from recircle.models.backbones.resnet import VideoResNet, resnet
from recircle.models.registry import register_model


class HostOptions(TypedDict, total=False):
    """Options of a network without ARC: `width`, channels of the stem, and `dropout` before the classifier."""

    width: int
    dropout: float


class CausalHostOptions(HostOptions, total=False):
    """Those of a network that can look back alone, so that it runs frame by frame: `causal`, whether it does so."""

    causal: bool


@register_model
def tsn_resnet18(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoResNet:
    """TSN with ResNet-18."""
    return resnet("tsn_resnet18", 18, num_classes, shift=False, **options)


@register_model
def tsn_resnet34(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoResNet:
    """TSN with ResNet-34."""
    return resnet("tsn_resnet34", 34, num_classes, shift=False, **options)


@register_model
def tsn_resnet50(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoResNet:
    """TSN with ResNet-50."""
    return resnet("tsn_resnet50", 50, num_classes, shift=False, **options)


@register_model
def tsn_resnet101(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoResNet:
    """TSN with ResNet-101."""
    return resnet("tsn_resnet101", 101, num_classes, shift=False, **options)


@register_model
def tsn_efficientnet_lite0(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoEfficientNetLite:
    """TSN with EfficientNet-Lite0; ImageNet weights come as a package."""
    return VideoEfficientNetLite("tsn_efficientnet_lite0", 0, num_classes, shift=False, **options)


@register_model
def tsn_efficientnet_lite1(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoEfficientNetLite:
    """TSN with EfficientNet-Lite1; ImageNet weights come as a package."""
    return VideoEfficientNetLite("tsn_efficientnet_lite1", 1, num_classes, shift=False, **options)


@register_model
def tsn_efficientnet_lite2(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoEfficientNetLite:
    """TSN with EfficientNet-Lite2; ImageNet weights come as a package."""
    return VideoEfficientNetLite("tsn_efficientnet_lite2", 2, num_classes, shift=False, **options)
