"""An exponential moving average of a model."""

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class Ema(Generic[M]):
    """A second copy of a model whose weights and buffers follow the first slowly.

    The average after step k moves by 1 - d of the way to the weights, d = min(decay, (1 + k) / (10 + k)): early on
    it is short, so that it forgets the initialisation, and a run of a few hundred steps can use it too. Counters,
    such as the number of batches a norm has seen, are copied.

    Attributes:
        model: the average, in evaluation mode; it takes no gradients.
        decay: its final value, in (0, 1).
    """

    def __init__(self, model: M, decay: float) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: M, step: int) -> None:
        """Move towards `model` after its optimiser step number `step`, counted from 1."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for average, value in zip(_tensors(self.model), _tensors(model), strict=True):
            if average.is_floating_point():
                average.lerp_(value, weight)
            else:
                average.copy_(value)


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
