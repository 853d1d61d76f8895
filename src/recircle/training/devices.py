"""The devices and processes of a run, through accelerate."""

import atexit
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

from recircle.errors import UserError
from recircle.torch_internals import lost_process
from recircle.training.config import TrainConfig
from recircle.training.memory_watch import memory_watched
from recircle.training.together import together

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: no step, evaluation or start of theirs may take them longer."""


def join() -> None:
    """Take this process's place among those that `torchrun`, or the like, has started; all of them must call it.

    Raises:
        UserError: the others do not come.
    """
    before = torch.distributed.is_initialized()
    # accelerate joins processes without a GPU only where it is told that the CPU is meant
    cpu = not torch.accelerator.is_available()
    try:
        state = PartialState(cpu=cpu, timeout=PATIENCE)
    except RuntimeError as error:
        reason = lost_process(error)
        if reason is None:
            raise
        raise UserError(
            f"the other processes of this run were not found ({reason}): start the command on all machines, with the "
            "same address, and see that nothing between them blocks it"
        ) from error
    if state.num_processes > 1 and not before:
        atexit.register(state.destroy_process_group)


@contextmanager
def accelerated(config: TrainConfig) -> Iterator[Accelerator]:
    """Yield the accelerator of a run: the first GPU or the CPU, or this process's place under `torchrun`.

    Raises:
        UserError: the tracker is not known or not installed; fp16 without a GPU; or, inside the block, the device's
            memory is used up.
    """
    join()
    cpu = not torch.accelerator.is_available()
    with together():
        if config.tracker is not None:
            _check_tracker(config.tracker)
        if config.precision == "fp16" and (cpu or torch.accelerator.current_accelerator() != torch.device("cuda")):
            raise UserError("precision='fp16' needs a CUDA GPU; use bf16 or fp32 here")
    precision = "no" if config.precision == "fp32" else config.precision
    accelerator = Accelerator(
        mixed_precision=precision, cpu=cpu, log_with=config.tracker, project_dir=config.output / "tracker"
    )
    try:
        with (
            memory_watched() if accelerator.device.type == "cpu" else nullcontext(),
            _strides_untold() if accelerator.num_processes > 1 else nullcontext(),
        ):
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


@contextmanager
def _strides_untold() -> Iterator[None]:
    """Keep to ourselves that the gradients of 1 x 1 kernels lie in memory in two ways, which are the same one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        yield


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
