"""How far two networks differ that should be one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

Logits = Callable[[Tensor], Tensor]
"""uint8 frames [B, T, 3, H, W] to logits [B, K]."""

OF_SPREAD, OF_LARGEST = 1e-4, 1e-5
_PATCHES = 4


@dataclass(frozen=True, kw_only=True)
class Parity:
    """The logits of two networks for the same clips.

    Attributes:
        shapes: (B, T) of each batch.
        difference: the largest difference of two logits.
        spread: how far the logits of a class lie apart over all the clips, in the class where it is most.
        largest: the largest absolute logit.
    """

    shapes: tuple[tuple[int, int], ...]
    difference: float
    spread: float
    largest: float

    @property
    def tolerance(self) -> float:
        """What a difference may be and still be rounding: 1e-4 of the spread, or 1e-5 of the largest logit if more.

        Of the spread, since most of a logit can be the same for every clip: beside that, a fault in what tells clips
        apart would look small.
        """
        return max(OF_SPREAD * self.spread, OF_LARGEST * self.largest)

    @property
    def holds(self) -> bool:
        """Whether the difference is rounding; logits that are not numbers never are the same."""
        return self.difference <= self.tolerance


def compare(
    first: Logits, second: Logits, shapes: Iterable[tuple[int, int]], size: tuple[int, int], *, seed: int = 0
) -> Parity:
    """Run two networks on the same random clips.

    Args:
        first: the network that is right.
        second: the other one.
        shapes: (B, T) of each batch of clips.
        size: (height, width) of the frames.
        seed: of the clips.
    """
    shapes = tuple(shapes)
    generator = torch.Generator().manual_seed(seed)
    clips = [random_clips(batch, frames, size, generator) for batch, frames in shapes]
    expected, found = (torch.cat([network(clip) for clip in clips]).double() for network in (first, second))
    assert expected.shape == found.shape, f"logits {tuple(found.shape)}, not {tuple(expected.shape)}"
    return Parity(
        shapes=shapes,
        difference=(expected - found).abs().max().item(),
        spread=(expected.amax(0) - expected.amin(0)).max().item(),
        largest=expected.abs().max().item(),
    )


def random_clips(
    batch: int, frames: int, size: tuple[int, int], generator: torch.Generator
) -> UInt8[Tensor, "B T 3 H W"]:
    """Draw clips of which each frame is a few patches of random colours.

    Frames of independent pixels all look alike to a network that averages over them.
    """
    patches = torch.randint(256, (batch * frames, 3, _PATCHES, _PATCHES), generator=generator)
    return F.interpolate(patches.float(), size, mode="nearest").to(torch.uint8).unflatten(0, (batch, frames))
