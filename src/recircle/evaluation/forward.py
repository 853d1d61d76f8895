"""How a network is run on views: where, in which precision, and in which order it sees the frames."""

from dataclasses import dataclass, field
from typing import get_args

import torch

from recircle.engines.engine import EngineName, Precision, check_engine
from recircle.errors import UserError
from recircle.evaluation.order import Order


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of that name; "auto" is the first GPU, or the CPU where there is none.

    Raises:
        UserError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device {name!r} cannot be used here ({reason}); try cpu, or `recircle doctor`") from None
    return device


@dataclass(frozen=True, kw_only=True)
class Forward:
    """How a network is run on views.

    Attributes:
        device: where the network is; by default the first GPU, or the CPU where there is none.
        engine: what runs the network.
        precision: of the forward pass; bf16 is faster on recent hardware and differs in the third digit.
        steps: recursive steps of ARC layers, see `recircle.set_steps`; None is as many as they learned.
        order: in which the network sees the frames of a view; other than "as is" to learn whether it matters.
        order_seed: of frames that are shuffled.

    Raises:
        ValueError: there is no such engine, precision or order, or the steps or the seed are too small.
    """

    device: torch.device = field(default_factory=pick_device)
    engine: EngineName = "torch"
    precision: Precision = "fp32"
    steps: int | None = None
    order: Order = "as is"
    order_seed: int = 0

    def __post_init__(self) -> None:
        check_engine(self.engine, self.precision)
        if self.order not in get_args(Order):
            raise ValueError(f"order={self.order!r} is not one of {', '.join(get_args(Order))}")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps={self.steps} must be 1 or more")
        if self.order_seed < 0:
            raise ValueError(f"order_seed={self.order_seed} must be 0 or more")
