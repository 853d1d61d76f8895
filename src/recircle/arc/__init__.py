"""The ARC layer: its config, the modules, and the functions that they call."""

from recircle.arc.config import ArcConfig
from recircle.arc.convolutions import ArcConv1d, ArcConv2d, ArcConv3d
from recircle.arc.fewer_steps import set_steps
from recircle.arc.functional import arc_conv, arc_linear, arc_operator
from recircle.arc.linear import ArcLinear
from recircle.arc.matrices import ArcMatrices, GruWeights
from recircle.arc.module import ArcLayer, Unrolled
from recircle.arc.step_statistics import StepStatistics

__all__ = [
    "ArcConfig",
    "ArcConv1d",
    "ArcConv2d",
    "ArcConv3d",
    "ArcLayer",
    "ArcLinear",
    "ArcMatrices",
    "GruWeights",
    "StepStatistics",
    "Unrolled",
    "arc_conv",
    "arc_linear",
    "arc_operator",
    "set_steps",
]
