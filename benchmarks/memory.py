"""What a network keeps in memory for the backward pass, and how much a whole training step takes at its peak."""

import gc
import multiprocessing
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.machine import precision
from benchmarks.networks import TrainingStep, build, random_clips
from recircle import ArcConfig
from recircle.torch_internals import TorchDispatchMode, tree_leaves

_STATUS = Path("/proc/self/status")


def kept_bytes(model: nn.Module, clips: Tensor, dtype: torch.dtype = torch.float32) -> int:
    """Return the bytes that stay in memory after a forward pass because the backward pass will need them.

    These are all storages that the pass made and that are still alive after it, whoever holds them: autograd, or an
    object that autograd holds. Parameters, buffers and the clips were there before; the output is not counted. A pass
    before makes what layers keep from one pass to the next.

    Args:
        model: in training mode, on the device of the clips.
        clips: [B, T, 3, H, W].
        dtype: of the forward pass (autocast).
    """

    def forward() -> Tensor:
        with precision(clips.device, dtype):
            return model(clips)

    forward()
    with _Made() as made:
        output = forward()
    gc.collect()
    alive = {storage._cdata: storage.nbytes() for storage in made.alive()}
    alive.pop(output.untyped_storage()._cdata, None)
    return sum(alive.values())


class _Made(TorchDispatchMode):
    """Remembers, without holding them, the storages that operators make while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self, func: Callable, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        # the result may be a view of an argument, or an argument itself
        given = {storage._cdata for storage in _storages((args, kwargs))}
        for storage in _storages(result):
            if storage._cdata not in given:
                self._made[storage._cdata] = weakref.ref(storage)
        return result

    def alive(self) -> list[torch.UntypedStorage]:
        """Return the storages that are still there."""
        return [storage for made in self._made.values() if (storage := made()) is not None]


def _storages(value: object) -> list[torch.UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def peak_bytes(
    name: str,
    *,
    arc: ArcConfig | None,
    width: int | None,
    batch: int,
    frames: int,
    size: int | tuple[int, int],
    device: torch.device,
    dtype: torch.dtype,
) -> int | None:
    """Return by how many bytes the memory of a training step exceeds, at its peak, that of the network at rest.

    Gradients are among them, parameters are not. On the CPU it is the resident memory of a fresh process, which has
    taken a step on a tiny clip before so that the code is loaded; None where the system does not tell.

    Args:
        name: of the network.
        arc: its ARC layers, or None.
        width: channels of its stem, or None for the published width.
        batch: clips in the step.
        frames: T.
        size: side of the frames in pixels, or (H, W).
        device: the CPU or a GPU.
        dtype: of the forward pass (autocast).
    """
    task = (_peak, name, arc, width, (batch, frames, size), device, dtype)
    if device.type == "cuda":
        return _peak(*task[1:])
    if not _STATUS.exists():
        return None
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(*task).result()


def _peak(
    name: str,
    arc: ArcConfig | None,
    width: int | None,
    shape: tuple[int, int, int | tuple[int, int]],
    device: torch.device,
    dtype: torch.dtype,
) -> int:
    batch, frames, size = shape
    model = build(name, arc=arc, width=width)
    step = TrainingStep(model, random_clips(2, 2, size if isinstance(size, tuple) else min(32, size), device), dtype)
    step()
    for parameter in model.parameters():
        parameter.grad = None
    step.clips = random_clips(batch, frames, size, device)
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        step()
        return torch.cuda.max_memory_allocated(device) - before
    with suppress(OSError):
        # makes the high-water mark the memory of this moment
        Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    step()
    return resident("VmHWM") - before


def resident(field: str) -> int:
    """Return the resident memory of this process in bytes: "VmRSS", that of now, or "VmHWM", the most so far.

    Not `ru_maxrss`: a new process begins with that of the process that started it.
    """
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024
