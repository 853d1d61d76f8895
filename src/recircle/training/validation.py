"""The evaluation after each epoch, shared by all processes."""

from itertools import chain
from typing import Any

import numpy as np
import torch
import torch.distributed
from accelerate import Accelerator
from accelerate.utils import gather_object

from recircle.engines.engine import TorchPrecision
from recircle.evaluation.forward import Forward
from recircle.evaluation.metrics import mean_class_accuracy, top_k_accuracy
from recircle.evaluation.predict import Progress, ViewLogits, predict
from recircle.evaluation.predictions import fuse
from recircle.evaluation.protocol import Fusion
from recircle.loading.loaders import EvalLoader
from recircle.models.base import VideoModel
from recircle.views.preprocessing import Preprocessing


def validate(
    model: VideoModel,
    loader: EvalLoader,
    preprocessing: Preprocessing,
    accelerator: Accelerator,
    *,
    fusion: Fusion,
    precision: TorchPrecision,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return top1, top5 and mean_class of the labelled clips, their number, and the clips left out, on every process.

    Clips that cannot be decoded are left out and counted here, since a run should not end for one of them;
    `recircle eval` is strict. The statistics of norms are those of the first process.
    """
    _share_buffers(model, accelerator)
    forward = Forward(device=accelerator.device, precision=precision)
    part = predict(model, loader, preprocessing, forward, progress=progress)
    parts: list[ViewLogits] = gather_object([part])
    labels = np.concatenate([part.labels for part in parts])
    logits = np.concatenate([part.logits for part in parts if len(part.labels)] or [parts[0].logits])
    broken = {clip.path for clip in chain(loader.left_out, *(part.broken for part in parts))}
    known = labels >= 0
    if not known.any():
        return {"clips": 0, "left_out": len(broken)}
    scores, labels = fuse(logits[known], fusion), labels[known]
    return {
        "top1": top_k_accuracy(scores, labels),
        "top5": top_k_accuracy(scores, labels, 5),
        "mean_class": mean_class_accuracy(scores, labels),
        "clips": len(labels),
        "left_out": len(broken),
    }


def _share_buffers(model: VideoModel, accelerator: Accelerator) -> None:
    if accelerator.num_processes > 1:
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, 0)
