"""Layers of other papers, and image layers for clips: tensors in, tensors out. They know nothing but torch."""

from recircle.layers.attention_shift import AttentionShift
from recircle.layers.bilinear import AdjacentBilinearConv2d, BilinearConv3d
from recircle.layers.correlation import WeightedCorrelation, weighted_correlation
from recircle.layers.divided_attention import DividedBlock, SelfAttention
from recircle.layers.gate_shift import GateShift, gate_shift
from recircle.layers.motion_excitation import MotionExcitation
from recircle.layers.motion_squeeze import MotionSqueeze, local_correlation, motion_maps, soft_argmax
from recircle.layers.rubiks_shift import RubiksShift, rubiks_shift
from recircle.layers.stochastic_depth import StochasticDepth
from recircle.layers.temporal_aggregation import ChannelwiseTemporalConv, MultipleTemporalAggregation
from recircle.layers.temporal_relation import MultiScaleRelation, TemporalRelation
from recircle.layers.temporal_shift import TemporalShift, temporal_shift

__all__ = [
    "AdjacentBilinearConv2d",
    "AttentionShift",
    "BilinearConv3d",
    "ChannelwiseTemporalConv",
    "DividedBlock",
    "GateShift",
    "MotionExcitation",
    "MotionSqueeze",
    "MultiScaleRelation",
    "MultipleTemporalAggregation",
    "RubiksShift",
    "SelfAttention",
    "StochasticDepth",
    "TemporalRelation",
    "TemporalShift",
    "WeightedCorrelation",
    "gate_shift",
    "local_correlation",
    "motion_maps",
    "rubiks_shift",
    "soft_argmax",
    "temporal_shift",
    "weighted_correlation",
]
