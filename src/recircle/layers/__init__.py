"""Layers: tensors in, tensors out. They know nothing but torch."""

from recircle.layers.arc import ArcConv1d, ArcConv2d, ArcConv3d, ArcLayer, ArcLinear
from recircle.layers.config import ArcConfig
from recircle.layers.convert import Conversion, arc_report, convert
from recircle.layers.frame_model import FrameModel
from recircle.layers.functional import arc_conv, arc_linear, arc_operator
from recircle.layers.prepare import Preparation, prepare_for_inference, prepare_report
from recircle.layers.recursion import ArcMatrices, GruWeights
from recircle.layers.temporal_shift import TemporalShift, temporal_shift

__all__ = [
    "ArcConfig",
    "ArcConv1d",
    "ArcConv2d",
    "ArcConv3d",
    "ArcLayer",
    "ArcLinear",
    "ArcMatrices",
    "Conversion",
    "FrameModel",
    "GruWeights",
    "Preparation",
    "TemporalShift",
    "arc_conv",
    "arc_linear",
    "arc_operator",
    "arc_report",
    "convert",
    "prepare_for_inference",
    "prepare_report",
    "temporal_shift",
]
