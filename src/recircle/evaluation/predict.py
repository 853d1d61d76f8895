"""Loaders of views through an engine: what evaluation during training and `evaluate` share."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from recircle.engines.engine import Engine
from recircle.engines.torch_engine import TorchEngine
from recircle.evaluation.forward import Forward
from recircle.evaluation.order import Order, reorder
from recircle.loading.batch import Batch, BrokenClip
from recircle.models.base import VideoModel
from recircle.views.preprocessing import Preprocessing

Progress = Callable[[int, int], object]
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
    engine = TorchEngine(model=model, preprocessing=preprocessing, device=forward.device, precision=forward.precision)
    with evaluation_mode(model):
        return predict_by(
            engine, loader, order=forward.order, order_seed=forward.order_seed, progress=progress, total=total
        )


def predict_by(
    engine: Engine,
    loader: Iterable[Batch],
    *,
    order: Order = "as is",
    order_seed: int = 0,
    progress: Progress | None = None,
    total: int = 0,
) -> ViewLogits:
    """Return the logits that an engine gives every view of every clip of a loader.

    Args:
        engine: turns views into logits.
        loader: batches of uint8 views.
        order: in which it sees the frames of a view.
        order_seed: of frames that are shuffled.
        progress: called with (clips done, total) after each batch.
        total: number of clips, for `progress`.
    """
    logits: list[Tensor] = []
    labels: list[Tensor] = []
    rows: list[Tensor] = []
    broken: list[BrokenClip] = []
    done = 0
    for batch in loader:
        logits.append(engine(reorder(batch.frames, batch.rows, order, order_seed)).cpu())
        labels.append(batch.labels)
        rows.append(batch.rows)
        broken += batch.broken
        done += len(batch.rows) + len(batch.broken)
        if progress is not None:
            progress(done, total)
    if not logits:
        logits, labels, rows = [torch.zeros(0, 1, engine.classes)], [_NO_ROWS], [_NO_ROWS]
    return ViewLogits(
        logits=torch.cat(logits).numpy(),
        labels=torch.cat(labels).cpu().numpy(),
        rows=torch.cat(rows).cpu().numpy(),
        broken=broken,
    )


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
