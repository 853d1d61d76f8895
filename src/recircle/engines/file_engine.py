"""An exported file as the engine: a function from frames to logits, on the CPU."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from recircle.engines.engine import FRAMES_AT_ONCE, EngineName, Precision
from recircle.export.parity import Logits


@dataclass(frozen=True, kw_only=True)
class FileEngine:
    """What runs an exported file.

    Attributes:
        name: which engine it is.
        precision: what it computes in.
        classes: K.
        run: uint8 frames [N, T, 3, H, W] to logits [N, K].
        clips: N of every call, where the file fixes it.
    """

    name: EngineName
    precision: Precision
    classes: int
    run: Logits
    clips: int | None = None

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return torch.device("cpu")

    def __call__(self, frames: UInt8[Tensor, "B V T 3 H W"]) -> Float[Tensor, "B V K"]:
        """Return float32 logits of each view."""
        clips, views, length = frames.shape[:3]
        if clips == 0:
            return torch.zeros(0, views, self.classes)
        at_once = self.clips or max(1, FRAMES_AT_ONCE // length)
        parts = [self._part(part.contiguous(), at_once) for part in frames.flatten(0, 1).split(at_once)]
        return torch.cat(parts).unflatten(0, (clips, views))

    def _part(self, frames: UInt8[Tensor, "N T 3 H W"], at_once: int) -> Float[Tensor, "N K"]:
        if self.clips is None or len(frames) == at_once:
            return self.run(frames)
        # a file of fixed shape gets black clips beside the last ones
        filled = torch.cat([frames, frames.new_zeros(at_once - len(frames), *frames.shape[1:])])
        return self.run(filled)[: len(frames)]
