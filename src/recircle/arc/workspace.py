"""Memory that the layers of a thread use by turns.

PyTorch returns large CPU buffers to the system when they are freed, and the page faults of fresh ones cost more than
the arithmetic of an ARC layer. So what a layer needs only while it runs is cut from one piece of memory that stays.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

Allocate = Callable[[Sequence[int], Tensor], Tensor]
"""Return an uninitialised, contiguous tensor of a shape, with the dtype and device of another tensor."""

KEPT = 256 << 20
"""Most bytes that a thread keeps."""

_ALIGNMENT = 64
_kept = threading.local()


@contextmanager
def workspace(like: Tensor) -> Iterator[Allocate]:
    """Lend memory until the block ends; what was made of it must not be used afterwards.

    Args:
        like: a tensor on the device that works. Only CPU memory is kept; GPUs have a caching allocator.
    """
    if like.device.type != "cpu" or type(like) is not Tensor:
        yield _allocate_afresh
        return
    # taken, not shared: a layer that runs inside another one finds nothing here, and makes its own
    memory: Tensor | None = _kept.__dict__.pop("memory", None)
    used = 0

    def allocate(shape: Sequence[int], like: Tensor) -> Tensor:
        nonlocal used
        start, size = used, torch.Size(shape).numel() * like.element_size()
        used += -(-size // _ALIGNMENT) * _ALIGNMENT
        if memory is None or start + size > memory.numel():
            return _allocate_afresh(shape, like)
        return memory[start : start + size].view(like.dtype).view(shape)

    try:
        yield allocate
    finally:
        if memory is None or used > memory.numel():
            # a tensor that is made in inference mode could not be written to outside of it
            with torch.inference_mode(False):
                memory = torch.empty(min(used, KEPT), dtype=torch.uint8)
        _kept.memory = memory


def _allocate_afresh(shape: Sequence[int], like: Tensor) -> Tensor:
    return like.new_empty(shape)
