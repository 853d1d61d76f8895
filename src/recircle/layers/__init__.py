"""Layers: tensors in, tensors out. They know nothing but torch."""

from recircle.layers.arc import ArcConv1d, ArcConv2d, ArcConv3d, ArcLayer, ArcLinear
from recircle.layers.attention_shift import AttentionShift
from recircle.layers.bilinear import AdjacentBilinearConv2d, BilinearConv3d
from recircle.layers.config import ArcConfig
from recircle.layers.convert import Conversion, arc_report, convert
from recircle.layers.correlation import WeightedCorrelation, weighted_correlation
from recircle.layers.divided_attention import DividedBlock, SelfAttention
from recircle.layers.frame_model import FrameModel
from recircle.layers.functional import arc_conv, arc_linear, arc_operator
from recircle.layers.gate_shift import GateShift, gate_shift
from recircle.layers.motion_excitation import MotionExcitation
from recircle.layers.motion_squeeze import MotionSqueeze, local_correlation, motion_maps, soft_argmax
from recircle.layers.prepare import Preparation, prepare_for_inference, prepare_report
from recircle.layers.recursion import ArcMatrices, GruWeights
from recircle.layers.rubiks_shift import RubiksShift, rubiks_shift
from recircle.layers.stochastic_depth import StochasticDepth
from recircle.layers.temporal_aggregation import ChannelwiseTemporalConv, MultipleTemporalAggregation
from recircle.layers.temporal_relation import MultiScaleRelation, TemporalRelation
from recircle.layers.temporal_shift import TemporalShift, temporal_shift

__all__ = [
    "AdjacentBilinearConv2d",
    "ArcConfig",
    "ArcConv1d",
    "ArcConv2d",
    "ArcConv3d",
    "ArcLayer",
    "ArcLinear",
    "ArcMatrices",
    "AttentionShift",
    "BilinearConv3d",
    "ChannelwiseTemporalConv",
    "Conversion",
    "DividedBlock",
    "FrameModel",
    "GateShift",
    "GruWeights",
    "MotionExcitation",
    "MotionSqueeze",
    "MultiScaleRelation",
    "MultipleTemporalAggregation",
    "Preparation",
    "RubiksShift",
    "SelfAttention",
    "StochasticDepth",
    "TemporalRelation",
    "TemporalShift",
    "WeightedCorrelation",
    "arc_conv",
    "arc_linear",
    "arc_operator",
    "arc_report",
    "convert",
    "gate_shift",
    "local_correlation",
    "motion_maps",
    "prepare_for_inference",
    "prepare_report",
    "rubiks_shift",
    "soft_argmax",
    "temporal_shift",
    "weighted_correlation",
]
