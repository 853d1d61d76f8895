"""What a network costs: parameters and multiply-adds."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from recircle.public import public


@public
@dataclass(frozen=True)
class Cost:
    """The cost of a network.

    Attributes:
        params: number of parameters, buffers not counted.
        gmacs: billions of multiply-adds of convolutions and matrix products in one view.
    """

    params: int
    gmacs: float

    def __str__(self) -> str:
        return f"{self.params / 1e6:.2f} M parameters, {self.gmacs:.1f} GMACs"


@public
def measure_cost(model: nn.Module, frames: int, size: int | tuple[int, int]) -> Cost:
    """Measure the cost of one view, a clip of `frames` frames; nothing is computed and the network is not changed.

    Args:
        model: a network for clips [B, T, 3, H, W].
        frames: T.
        size: side of the square frames, or (height, width), in pixels.

    Raises:
        ValueError: frames or size are smaller than 1.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if min(frames, height, width) < 1:
        raise ValueError(f"frames={frames}, size={size}: a view has at least one frame of one pixel")
    named = [*model.named_parameters(), *model.named_buffers()]
    abstract = {name: torch.empty_like(value, device="meta") for name, value in named}
    dtype = next((value.dtype for value in abstract.values() if value.is_floating_point()), torch.float32)
    clip = torch.empty(1, frames, 3, height, width, device="meta", dtype=dtype)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        functional_call(model, abstract, (clip,))
    return Cost(sum(value.numel() for value in model.parameters()), counter.get_total_flops() / 2e9)
