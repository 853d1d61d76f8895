"""How many frames a clip has, where frames lie in the batch dimension: passed beside the tensors, for one call.

Image networks see [B T, ...] and hand nothing else on, so T cannot be an argument of the layers inside them. It is kept
for the thread that runs the network, while it runs, so that several threads can run one network on clips of different
lengths. Gradient checkpointing runs layers again in the backward pass, for which the output remembers T.
"""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from recircle import torch_internals

_now: ContextVar[int | None] = ContextVar("frames of a clip", default=None)
_behind = threading.local()


def frames_in_batch() -> int | None:
    """Return T, if a network runs on clips whose frames lie in the batch dimension; else None."""
    frames = _now.get()
    if frames is None and (task := torch_internals.backward_pass()) is not None:
        known, frames = getattr(_behind, "clip", (None, None))
        return frames if known == task else None
    return frames


def run_on_frames(run: Callable[[Tensor], Tensor], x: Tensor, frames: int) -> Tensor:
    """Return run(x) for frames [B T, ...] of clips of length T = `frames`."""
    token = _now.set(frames)
    try:
        y = run(x)
    finally:
        _now.reset(token)
    if torch.is_grad_enabled() and isinstance(y, Tensor) and y.requires_grad and not torch_internals.is_recorded(y):
        y.register_hook(_remember(frames))
    return y


def _remember(frames: int) -> Callable[[Any], None]:
    def hook(_: Any) -> None:
        # comes before all that the output was made of
        _behind.clip = torch_internals.backward_pass(), frames

    return hook
