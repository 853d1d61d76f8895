"""The least time that a network's own work takes: its multiply-adds, and the bytes of what they read and write.

Both floors are of what a network asks for as it stands, with everything that is not a product (norms, activations,
pooling, additions) taken to cost nothing. No way of running the same products is faster than the larger of the two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import Run, matmul_peak, timed
from recircle.torch_internals import TorchDispatchMode, tree_leaves

# in inference mode the first of them arrive as they were called
_PRODUCTS = {"conv1d", "conv2d", "conv3d", "linear", "matmul", "convolution", "convolution_backward"}
_PRODUCTS |= {"mm", "addmm", "bmm", "baddbmm"}
_TRIES = 10

COPIED = {"cpu": 2**26, "cuda": 2**30}
"""Bytes of what is copied to measure how fast that is, on each kind of device."""


@dataclass(frozen=True)
class Work:
    """What is to be done for one batch.

    Attributes:
        gmacs: multiply-adds of all products, in billions.
        gbytes: what they read and write, in billions of bytes.
    """

    gmacs: float
    gbytes: float


@dataclass(frozen=True)
class Speed:
    """What a device does at best.

    Attributes:
        gmacs: multiply-adds of square matrix products a second, in billions.
        gbytes: bytes read and written a second by copying, in billions.
    """

    gmacs: float
    gbytes: float

    @classmethod
    def of(cls, device: torch.device, dtype: torch.dtype) -> "Speed":
        """Measure a device."""
        return cls(matmul_peak(device, dtype), copy_peak(device))

    def floors(self, work: Work) -> tuple[float, float]:
        """Return the milliseconds that the operations and the bytes take at least."""
        return 1e3 * work.gmacs / self.gmacs, 1e3 * work.gbytes / self.gbytes


def copy_peak(device: torch.device) -> float:
    """Return the bytes read and written a second by the fastest of several copies of a large tensor, in billions."""
    source = torch.zeros(COPIED["cuda" if device.type == "cuda" else "cpu"], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    seconds = min(timed(lambda: target.copy_(source), device) for _ in range(_TRIES))
    return 2 * source.numel() / seconds / 1e9


@dataclass(frozen=True)
class BatchWork:
    """The work of a batch of any size, from what batches of one and of two clips ask for.

    Attributes:
        one: the work of one clip.
        two: that of two.
    """

    one: Work
    two: Work

    @classmethod
    def of(cls, run_with: Callable[[int], Run]) -> "BatchWork":
        """Count it.

        Args:
            run_with: returns a call for a batch of so many clips.
        """
        return cls(_count(run_with(1)), _count(run_with(2)))

    def batch(self, clips: int) -> Work:
        """Return the work of so many clips; weights are read once."""

        def extrapolate(one: float, two: float) -> float:
            return one + (clips - 1) * (two - one)

        return Work(extrapolate(self.one.gmacs, self.two.gmacs), extrapolate(self.one.gbytes, self.two.gbytes))


def _count(run: Run) -> Work:
    traffic, operations = _Traffic(), FlopCounterMode(display=False)
    with operations, traffic:
        run()
    return Work(operations.get_total_flops() / 2e9, traffic.bytes / 1e9)


class _Traffic(TorchDispatchMode):
    """Adds up the bytes of what products take and give."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in _PRODUCTS:
            tensors = (leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor))
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result
