"""Stochastic depth (Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016)."""

from jaxtyping import Float
from torch import Tensor, nn


class StochasticDepth(nn.Module):
    """Leave out a residual branch at random while training, for each sequence of tokens on its own.

    What is kept is divided by the probability of keeping it, so that the mean stays. In evaluation the branch is there.
    """

    def __init__(self, rate: float) -> None:
        """Make the module.

        Args:
            rate: the probability that the branch is left out, in [0, 1).

        Raises:
            ValueError: the rate is out of range.
        """
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"rate={rate} is the probability that a branch is left out; give a value in [0, 1)")
        self.rate = rate

    def forward(self, x: Float[Tensor, "*N"]) -> Float[Tensor, "*N"]:
        """Return [..., L, C] for the output [..., L, C] of a branch; each of the leading dimensions is drawn for."""
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        return x * x.new_empty(x.shape[:-2]).bernoulli_(keep).div_(keep)[..., None, None]

    def extra_repr(self) -> str:
        """Show the rate."""
        return f"rate={self.rate:g}"
