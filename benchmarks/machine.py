"""The machine that the figures are of: its description, its speed at matrix products, and how it is timed."""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from recircle import UserError
from recircle.cli.console import error
from recircle.evaluation.machine import processor
from recircle.files import atomic_write

Run = Callable[[], object]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""Precisions of the forward pass, by the names that the command line has for them."""

PEAK_SIZE = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrices whose product is timed, on each kind of device."""

_PEAK_TRIES = 10


@dataclass(frozen=True)
class Timing:
    """The seconds of one callable: the median over the rounds, and the quartiles around it."""

    median: float
    lower: float
    upper: float

    @property
    def ms(self) -> dict[str, float]:
        """The same in milliseconds, for a JSON file."""
        return {"ms": 1e3 * self.median, "ms_lower": 1e3 * self.lower, "ms_upper": 1e3 * self.upper}


def describe(device: torch.device) -> dict[str, Any]:
    """Describe what figures measured on a device depend on, beside the settings."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def matmul_peak(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """Return the multiply-adds a second of the fastest of several square matrix products, in billions.

    Float32 products on a GPU may use TF32, since its convolutions may do so unless told otherwise.
    """
    size = PEAK_SIZE["cuda" if device.type == "cuda" else "cpu"]
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    precision = torch.get_float32_matmul_precision()
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    try:
        seconds = min(timed(lambda: left @ right, device) for _ in range(_PEAK_TRIES))
    finally:
        torch.set_float32_matmul_precision(precision)
    return size**3 / seconds / 1e9


def timed(run: Run, device: torch.device) -> float:
    """Return the seconds that a call takes until the device has done its work."""
    _synchronise(device)
    began = time.perf_counter()
    run()
    _synchronise(device)
    return time.perf_counter() - began


def interleave(
    runs: Mapping[str, Run], rounds: int, device: torch.device, show: Callable[[int, int], None] | None = None
) -> dict[str, Timing]:
    """Time callables by turns, so that a busy moment of the machine meets all of them.

    Each round calls every one of them once, every second round in the opposite order, so that none is always the one
    that finds the machine as a certain other left it. One round before warms up and is not counted.

    Args:
        runs: what to call, by name.
        rounds: that count.
        device: whose work is waited for.
        show: called with (rounds done, rounds to do).
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name in seconds if turn % 2 else reversed(seconds):
            took = timed(runs[name], device)
            if turn:
                seconds[name].append(took)
        if show is not None:
            show(turn, rounds)
    return {name: _summary(times) for name, times in seconds.items()}


def precision(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[Any]:
    """Return the context of a forward pass in this precision (autocast), as evaluation and training have it."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a command line as a JSON file can hold them."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(one) for one in value]
        return str(value) if isinstance(value, Path) else value

    return {name: plain(value) for name, value in vars(options).items()}


def check_writable(*paths: Path | None) -> None:
    """Make sure, before anything is measured, that the files can be written; None stands for no file.

    Raises:
        UserError: the folder of one is not there.
    """
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise UserError(f"{path} cannot be written: the folder {path.parent} is not there; make it first")


def write_json(path: Path, found: dict[str, Any]) -> None:
    """Write the figures of a benchmark."""
    atomic_write(path, json.dumps(found, indent=1) + "\n")


def run_main(main: Callable[[], None]) -> None:
    """Run a benchmark from the shell: what the user can fix is one line, and the exit code is 2."""
    try:
        main()
    except UserError as problem:
        error(str(problem))
        sys.exit(2)


def _summary(times: Sequence[float]) -> Timing:
    if len(times) == 1:
        return Timing(times[0], times[0], times[0])
    lower, median, upper = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(median, lower, upper)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
