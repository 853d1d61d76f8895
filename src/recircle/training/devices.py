"""The devices and processes of a run, through accelerate."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

from recircle.errors import UserError
from recircle.training.config import TrainConfig
from recircle.training.memory_watch import memory_watched


@contextmanager
def accelerated(config: TrainConfig) -> Iterator[Accelerator]:
    """Yield the accelerator of a run: the first GPU or the CPU, or this process's place under `torchrun`.

    Raises:
        UserError: the tracker is not known or not installed; fp16 without a GPU; or, inside the block, the device's
            memory is used up.
    """
    if config.tracker is not None:
        _check_tracker(config.tracker)
    # accelerate joins processes without a GPU only where it is told that the CPU is meant
    cpu = not torch.accelerator.is_available()
    if config.precision == "fp16" and (cpu or torch.accelerator.current_accelerator() != torch.device("cuda")):
        raise UserError("precision='fp16' needs a CUDA GPU; use bf16 or fp32 here")
    precision = "no" if config.precision == "fp32" else config.precision
    accelerator = Accelerator(
        mixed_precision=precision, cpu=cpu, log_with=config.tracker, project_dir=config.output / "tracker"
    )
    if accelerator.num_processes > 1:
        atexit.register(accelerator.state.destroy_process_group)
    try:
        with memory_watched() if accelerator.device.type == "cpu" else nullcontext():
            yield accelerator
        for tracker in accelerator.trackers:
            tracker.finish()
        # a thread of gloo drops the tensors of the last exchange, and aborts if the interpreter ends meanwhile
        accelerator.wait_for_everyone()
    except RuntimeError as error:
        # what the allocator of the CPU raises has no class of its own
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise UserError(
            f"the memory of {accelerator.device} is used up with batch_size={config.batch_size}; halve it and double "
            f"accumulate={config.accumulate}, which leaves the steps as they are"
        ) from error
    finally:
        # the state is global, and would refuse the next run another precision; the process group stays for it
        AcceleratorState._reset_state()


def start_tracker(accelerator: Accelerator, config: TrainConfig) -> None:
    """Begin to log to the tracker, if there is one, with the settings of the run."""
    accelerator.init_trackers("recircle", _flat(asdict(config)))


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, str | int | float]:
    """Return nested settings under dotted names, as trackers want them."""
    flat: dict[str, str | int | float] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value if isinstance(value, int | float | str) else str(value)
    return flat


def _check_tracker(name: str) -> None:
    if name not in LOGGER_TYPE_TO_CLASS:
        raise UserError(f"no tracker is called {name!r}; accelerate knows {', '.join(LOGGER_TYPE_TO_CLASS)}")
    if name not in map(str, get_available_trackers()):
        raise UserError(f"the tracker {name!r} is not installed; `pip install {name}`, or leave tracker out")
