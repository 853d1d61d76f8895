"""Temporal Shift Module networks (Lin et al., ICCV 2019): TSN that moves 1/8 + 1/8 of the channels between frames."""

from typing import Unpack

from recircle.models.backbones.efficientnet_lite import VideoEfficientNetLite
from recircle.models.backbones.resnet import VideoResNet, resnet
from recircle.models.registry import register_model
from recircle.models.tsn import CausalHostOptions


@register_model
def tsm_resnet18(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoResNet:
    """TSM with ResNet-18."""
    return resnet("tsm_resnet18", 18, num_classes, shift=True, **options)


@register_model
def tsm_resnet34(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoResNet:
    """TSM with ResNet-34."""
    return resnet("tsm_resnet34", 34, num_classes, shift=True, **options)


@register_model
def tsm_resnet50(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoResNet:
    """TSM with ResNet-50."""
    return resnet("tsm_resnet50", 50, num_classes, shift=True, **options)


@register_model
def tsm_resnet101(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoResNet:
    """TSM with ResNet-101, shifted in every second block."""
    return resnet("tsm_resnet101", 101, num_classes, shift=True, **options)


@register_model
def tsm_efficientnet_lite0(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoEfficientNetLite:
    """TSM with EfficientNet-Lite0; ImageNet weights come as a package."""
    return VideoEfficientNetLite("tsm_efficientnet_lite0", 0, num_classes, shift=True, **options)


@register_model
def tsm_efficientnet_lite1(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoEfficientNetLite:
    """TSM with EfficientNet-Lite1; ImageNet weights come as a package."""
    return VideoEfficientNetLite("tsm_efficientnet_lite1", 1, num_classes, shift=True, **options)


@register_model
def tsm_efficientnet_lite2(num_classes: int, **options: Unpack[CausalHostOptions]) -> VideoEfficientNetLite:
    """TSM with EfficientNet-Lite2; ImageNet weights come as a package."""
    return VideoEfficientNetLite("tsm_efficientnet_lite2", 2, num_classes, shift=True, **options)
