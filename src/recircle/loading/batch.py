"""What a loader yields."""

from dataclasses import dataclass, field, replace
from typing import Self

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor


@dataclass(frozen=True)
class BrokenClip:
    """A clip that could not be used.

    Attributes:
        path: of the clip, as the manifest has it.
        fault: what is wrong.
    """

    path: str
    fault: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Clips side by side; B may be smaller than the batch size, even 0, when clips were broken.

    Attributes:
        frames: uint8 views, V = 1 in training and clips * crops in evaluation.
        labels: numbers of the labels, after a flip those of the flipped clips; -1 where there is none.
        rows: of the manifest.
        broken: the clips that would have been here.
    """

    frames: UInt8[Tensor, "B V T 3 H W"]
    labels: Int64[Tensor, "B"]
    rows: Int64[Tensor, "B"]
    broken: list[BrokenClip] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: torch.device | str, *, non_blocking: bool = True) -> Self:
        """Return the batch on a device."""
        return replace(
            self,
            frames=self.frames.to(device, non_blocking=non_blocking),
            labels=self.labels.to(device, non_blocking=non_blocking),
            rows=self.rows.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> Self:
        """Return the batch in page-locked memory, from which copies to a GPU do not block."""
        return replace(
            self,
            frames=self.frames.pin_memory(),
            labels=self.labels.pin_memory(),
            rows=self.rows.pin_memory(),
        )
