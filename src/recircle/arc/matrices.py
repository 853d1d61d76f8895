"""What an ARC layer learns beside the weights of the original layer."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from recircle.public import public


@public
class GruWeights(NamedTuple):
    """A GRU over the steps, whose hidden state is the attention A_j; gates in the order reset, update, candidate."""

    input: Float[Tensor, "gates g"]
    """[3 rows, g]"""
    hidden: Float[Tensor, "gates rows"]
    """[3 rows, rows]"""
    input_bias: Float[Tensor, "gates"]
    """[3 rows]"""
    hidden_bias: Float[Tensor, "gates"]
    """[3 rows]"""


@public
class ArcMatrices(NamedTuple):
    """What an ARC layer adds to the original weights; None where the variant has no such term.

    Rows are the input channels of the evolving state: all of them, or for grouped convolutions those that any step
    after the first reads. The last group of features feeds nothing, so it has no columns.
    """

    embedding: Float[Tensor, "rows Cin"] | None = None
    """W^e, [rows, Cin]"""
    attention: Float[Tensor, "rows fed"] | GruWeights | None = None
    """W^a, [rows, c - g], or the GRU in its place"""
    fusion: Float[Tensor, "rows fed"] | None = None
    """W^f, [rows, c - g]"""
    pooling: Float[Tensor, "fed"] | None = None
    """What the pooling of recursive attention has learned, [c - g]"""
