"""Frames to logits: the one forward pass that evaluation during training, `evaluate` and inference share."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor, nn

from recircle.evaluation.forward import Forward
from recircle.evaluation.order import reorder
from recircle.loading.batch import Batch, BrokenClip
from recircle.models.base import VideoModel
from recircle.views.preprocessing import Preprocessing

Progress = Callable[[int, int], object]
FRAMES_AT_ONCE = 128
"""Frames that pass the network together, which bounds its memory whatever the number of views."""

_NO_ROWS = torch.zeros(0, dtype=torch.int64)


@dataclass(frozen=True, kw_only=True)
class ViewLogits:
    """What `predict` returns for the N clips that could be decoded.

    Attributes:
        logits: float32 [N, V, K].
        labels: int64 [N], -1 where the class is not known.
        rows: int64 [N], the row of each clip in the loader's manifest.
        broken: the clips that could not be decoded, which are not among the N.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]
    broken: list[BrokenClip]


def predict(
    model: VideoModel,
    loader: Iterable[Batch],
    preprocessing: Preprocessing,
    forward: Forward,
    *,
    progress: Progress | None = None,
    total: int = 0,
) -> ViewLogits:
    """Return the logits of every view of every clip of a loader.

    The model is in evaluation mode meanwhile, and each of its modules in its own mode afterwards.

    Args:
        model: takes float [B, T, 3, H, W] to [B, K]; on the device already.
        loader: batches of uint8 views.
        preprocessing: normalises them.
        forward: where, in which precision and on which order of the frames the model is run.
        progress: called with (clips done, total) after each batch.
        total: number of clips, for `progress`.
    """
    logits: list[Tensor] = []
    labels: list[Tensor] = []
    rows: list[Tensor] = []
    broken: list[BrokenClip] = []
    done = 0
    with evaluation_mode(model):
        for batch in loader:
            frames = reorder(batch.frames, batch.rows, forward.order, forward.order_seed)
            part = logits_of_views(model, frames, preprocessing, device=forward.device, dtype=forward.dtype)
            logits.append(part.cpu())
            labels.append(batch.labels)
            rows.append(batch.rows)
            broken += batch.broken
            done += len(batch.rows) + len(batch.broken)
            if progress is not None:
                progress(done, total)
    if not logits:
        logits, labels, rows = [torch.zeros(0, 1, model.num_classes)], [_NO_ROWS], [_NO_ROWS]
    return ViewLogits(
        logits=torch.cat(logits).numpy(),
        labels=torch.cat(labels).cpu().numpy(),
        rows=torch.cat(rows).cpu().numpy(),
        broken=broken,
    )


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


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode, and each of its modules back into its own mode afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _channels_last(clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 3 H W"]:
    """Lay the channels of each frame side by side in memory, which convolutions run faster on."""
    return clips.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, clips.shape[:2])
