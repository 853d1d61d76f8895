"""The paper's own systems: hosts with ARC in all convolutions except the 1x1 ones and the stem.

The transformer, which the paper announces as future work, has ARC in the linear layers of its MLPs.
"""

import warnings
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Unpack

from recircle.arc.config import ArcConfig
from recircle.errors import UserError
from recircle.models import gsm, msnet, r2plus1d, slowfast, slowonly, timesformer, tsm, tsn
from recircle.models.base import VideoModel
from recircle.models.online import no_causal_form
from recircle.models.registry import register_model
from recircle.models.timesformer import TimeSformerOptions
from recircle.models.tsn import HostOptions
from recircle.surgery.convert import convert


class ArcOptions(HostOptions, total=False):
    """Options of a network with ARC.

    Beside the host's: `steps`, n (4), or `arc`, the whole config; `stages` and `stem` as in `recircle.convert`.
    """

    arc: ArcConfig | None
    steps: int | None
    stages: Collection[int | str] | None
    stem: bool


class CausalArcOptions(ArcOptions, total=False):
    """Those of a network that can look back alone: `causal`, whether its host and its ARC layers do so."""

    causal: bool


RESNET_STAGES = (1, 2, 3, 4)


def _arc(
    host: Callable[..., VideoModel],
    num_classes: int,
    *,
    arc: ArcConfig | None = None,
    steps: int | None = None,
    stages: Collection[int | str] | None = None,
    stem: bool = False,
    **options: Unpack[HostOptions],
) -> VideoModel:
    """Build a host and convert it."""
    model = host(num_classes, **options)
    if arc is not None and arc.causal and not model.causal:
        raise UserError(f"arc: causal=True, but {no_causal_form(f'arc_{model.name}')}")
    model.name = f"arc_{model.name}"
    return convert(model, steps, config=arc, stages=stages, stem=stem)


def _causal_arc(
    host: Callable[..., VideoModel],
    num_classes: int,
    *,
    causal: bool = False,
    **options: Unpack[ArcOptions],
) -> VideoModel:
    """Build a host that can look back alone and convert it: both do so, or none."""
    arc = options.get("arc")
    causal = causal or (arc is not None and arc.causal)
    if causal:
        options["arc"] = replace(arc or ArcConfig(), causal=True)
    return _arc(partial(host, causal=causal), num_classes, **options)


@register_model
def arc_tsn_resnet18(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSN with ResNet-18, ARC in both 3x3 convolutions of each block."""
    return _causal_arc(tsn.tsn_resnet18, num_classes, **options)


@register_model
def arc_tsn_resnet34(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSN with ResNet-34, ARC in both 3x3 convolutions of each block."""
    return _causal_arc(tsn.tsn_resnet34, num_classes, **options)


@register_model
def arc_tsn_resnet50(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSN with ResNet-50, ARC in the 3x3 convolution of each block."""
    return _causal_arc(tsn.tsn_resnet50, num_classes, **options)


@register_model
def arc_tsn_resnet101(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSN with ResNet-101, ARC in the 3x3 convolution of each block."""
    return _causal_arc(tsn.tsn_resnet101, num_classes, **options)


@register_model
def arc_tsn_efficientnet_lite0(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSN with EfficientNet-Lite0, ARC in each depthwise convolution."""
    return _causal_arc(tsn.tsn_efficientnet_lite0, num_classes, **options)


@register_model
def arc_tsn_efficientnet_lite1(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSN with EfficientNet-Lite1, ARC in each depthwise convolution."""
    return _causal_arc(tsn.tsn_efficientnet_lite1, num_classes, **options)


@register_model
def arc_tsn_efficientnet_lite2(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSN with EfficientNet-Lite2, ARC in each depthwise convolution."""
    return _causal_arc(tsn.tsn_efficientnet_lite2, num_classes, **options)


@register_model
def arc_tsm_resnet18(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSM with ResNet-18, ARC in both 3x3 convolutions of each block."""
    return _causal_arc(tsm.tsm_resnet18, num_classes, **options)


@register_model
def arc_tsm_resnet34(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSM with ResNet-34, ARC in both 3x3 convolutions of each block."""
    return _causal_arc(tsm.tsm_resnet34, num_classes, **options)


@register_model
def arc_tsm_resnet50(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSM with ResNet-50, ARC in the 3x3 convolution of each block."""
    return _causal_arc(tsm.tsm_resnet50, num_classes, **options)


@register_model
def arc_tsm_resnet101(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSM with ResNet-101, ARC in the 3x3 convolution of each block."""
    return _causal_arc(tsm.tsm_resnet101, num_classes, **options)


@register_model
def arc_tsm_efficientnet_lite0(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSM with EfficientNet-Lite0, ARC in each depthwise convolution."""
    return _causal_arc(tsm.tsm_efficientnet_lite0, num_classes, **options)


@register_model
def arc_tsm_efficientnet_lite1(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSM with EfficientNet-Lite1, ARC in each depthwise convolution."""
    return _causal_arc(tsm.tsm_efficientnet_lite1, num_classes, **options)


@register_model
def arc_tsm_efficientnet_lite2(num_classes: int, **options: Unpack[CausalArcOptions]) -> VideoModel:
    """TSM with EfficientNet-Lite2, ARC in each depthwise convolution."""
    return _causal_arc(tsm.tsm_efficientnet_lite2, num_classes, **options)


@register_model
def arc_msnet_resnet18(num_classes: int, **options: Unpack[ArcOptions]) -> VideoModel:
    """MSNet with ResNet-18, ARC in both 3x3 convolutions of each block; the motion module stays as it is."""
    options["stages"] = options.get("stages") or RESNET_STAGES
    return _arc(msnet.msnet_resnet18, num_classes, **options)


@register_model
def arc_msnet_resnet50(num_classes: int, **options: Unpack[ArcOptions]) -> VideoModel:
    """MSNet with ResNet-50, ARC in the 3x3 convolution of each block; the motion module stays as it is."""
    options["stages"] = options.get("stages") or RESNET_STAGES
    return _arc(msnet.msnet_resnet50, num_classes, **options)


@register_model
def arc_gsm_inceptionv3(num_classes: int, **options: Unpack[ArcOptions]) -> VideoModel:
    """GSM with InceptionV3, ARC in all convolutions but the stem, the 1x1 ones and those of the gates."""
    return _arc(gsm.gsm_inceptionv3, num_classes, **options)


@register_model
def arc_slowonly_resnet50(num_classes: int, **options: Unpack[ArcOptions]) -> VideoModel:
    """SlowOnly with ResNet-50, ARC in the 1x3x3 and the 3x1x1 convolutions of each block."""
    return _arc(slowonly.slowonly_resnet50, num_classes, **options)


@register_model
def arc_slowfast_resnet50(num_classes: int, **options: Unpack[ArcOptions]) -> VideoModel:
    """SlowFast 8x8 with ResNet-50, ARC in all convolutions of both pathways and between them but the 1x1x1 ones."""
    return _arc(slowfast.slowfast_resnet50, num_classes, **options)


@register_model
def arc_slowfast_resnet101(num_classes: int, **options: Unpack[ArcOptions]) -> VideoModel:
    """SlowFast 16x8 with ResNet-101, ARC in all convolutions of both pathways and between them but the 1x1x1 ones."""
    return _arc(slowfast.slowfast_resnet101, num_classes, **options)


@register_model
def arc_r2plus1d_resnet18(num_classes: int, **options: Unpack[ArcOptions]) -> VideoModel:
    """R(2+1)D-18, ARC in all its convolutions over space and over time whose channels the steps divide."""
    with warnings.catch_warnings():
        # its published widths between the two are 230 and 921 in stages 2 and 4; the report of the conversion says so
        warnings.filterwarnings("ignore", "layer.* is not converted")
        return _arc(r2plus1d.r2plus1d_resnet18, num_classes, **options)


class ArcTimeSformerOptions(TimeSformerOptions, total=False):
    """Options of TimeSformer, and the `frames` and the `size` of its embeddings."""

    frames: int
    size: int


@register_model
def arc_timesformer_base(
    num_classes: int,
    *,
    arc: ArcConfig | None = None,
    steps: int | None = None,
    **options: Unpack[ArcTimeSformerOptions],
) -> VideoModel:
    """TimeSformer with ViT-B/16, ARC in the first linear layer of each block's MLP."""
    model = timesformer.timesformer_base(num_classes, **options)
    model.name = f"arc_{model.name}"
    if arc is not None and arc.causal:
        raise UserError(f"arc: causal=True, but {no_causal_form(model.name)}")
    # to the layer all tokens of a clip are one set, so that pooling over space and over time is one thing
    return convert(model, steps, config=arc or ArcConfig(aggregation="ST"), where="blocks.*.mlp.fc1")
