"""The norm and the activation between an operator and the features that are fed back."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.arc.sliced_norm import Channels, SlicedNorm

Replay = Callable[[Tensor], Tensor]
"""Makes features again from the operator's output; no running statistics are updated a second time."""


@dataclass(frozen=True)
class NormAct:
    """Norm, then activation, of one forward pass; either may be None."""

    norm: SlicedNorm | None
    act: nn.Module | None
    _divided: dict[int, list[Channels]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def sample_independent(self) -> bool:
        """Whether a sample's features are the same whatever other samples are beside it."""
        return self.norm is None or self.norm.sample_independent

    def __call__(self, x: Float[Tensor, "N g *place"], start: int, length: int) -> Float[Tensor, "N g *place"]:
        """Follow an operator's output [N, length, ...], channels `start` to `start + length` of the whole."""
        y = x if self.norm is None else self.norm.normalise(x, start, length, self._channels(start, length))
        if self.act is None:
            return y
        if self.norm is not None and not torch.is_grad_enabled() and type(self.act) is nn.ReLU:
            return y.relu_()
        return self.act(y)

    def recorded(
        self, x: Float[Tensor, "N g *place"], start: int, length: int
    ) -> tuple[Float[Tensor, "N g *place"], Replay]:
        """Return the features, and the function that makes them again; the output of the operator stays as it is."""
        if self.norm is None:
            return self._activate_copy(x), self._activate_copy
        y, replay = self.norm.recorded(x, start, length, self._channels(start, length))
        act = self.act
        return (y, replay) if act is None else (act(y), lambda z: act(replay(z)))

    def _channels(self, start: int, length: int) -> Channels | None:
        """Return the norm's values for the channels of a step, which are divided once for all steps."""
        if self.norm is None or torch.compiler.is_compiling():
            return None
        if length not in self._divided:
            self._divided[length] = self.norm.divide(length)
        return self._divided[length][start // length]

    def _activate_copy(self, x: Tensor) -> Tensor:
        if self.act is None:
            return x
        return self.act(x.clone() if getattr(self.act, "inplace", False) else x)
