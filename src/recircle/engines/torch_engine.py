"""PyTorch as the engine: the one forward pass that evaluation during training, `evaluate` and inference share."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from recircle.engines.engine import FRAMES_AT_ONCE, EngineName, Precision
from recircle.models.base import VideoModel
from recircle.views.preprocessing import Preprocessing

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class TorchEngine:
    """A network in evaluation mode, on its device.

    Attributes:
        model: takes float [B, T, 3, H, W] to [B, K].
        preprocessing: normalises the frames.
        device: where the network is.
        precision: of the forward pass (autocast).
    """

    model: VideoModel
    preprocessing: Preprocessing
    device: torch.device
    precision: Precision = "fp32"

    @property
    def name(self) -> EngineName:
        """Which engine it is."""
        return "torch"

    @property
    def classes(self) -> int:
        """K."""
        return self.model.num_classes

    def __call__(self, frames: UInt8[Tensor, "B V T 3 H W"]) -> Float[Tensor, "B V K"]:
        """Return float32 logits of each view, on the device."""
        dtype = DTYPES[self.precision]
        return logits_of_views(self.model, frames, self.preprocessing, device=self.device, dtype=dtype)


def logits_of_views(
    model: VideoModel,
    frames: UInt8[Tensor, "B V T 3 H W"],
    preprocessing: Preprocessing,
    *,
    device: torch.device | str,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "B V K"]:
    """Return float32 logits of each view, on the device.

    The model is in evaluation mode already. Views pass it in parts of `FRAMES_AT_ONCE` frames.
    """
    device = torch.device(device)
    clips, views, length = frames.shape[:3]
    if clips == 0:
        return torch.zeros(0, views, model.num_classes, device=device)
    with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
        parts = [
            model(_channels_last(preprocessing.normalise(part.to(device, non_blocking=True)))).float()
            for part in frames.flatten(0, 1).split(max(1, FRAMES_AT_ONCE // length))
        ]
        return torch.cat(parts).unflatten(0, (clips, views))


def _channels_last(clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 3 H W"]:
    """Lay the channels of each frame side by side in memory, which convolutions run faster on."""
    return clips.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, clips.shape[:2])
