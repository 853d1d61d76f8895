"""What a training step and a clip of inference take, measured by turns: the times that equal-time studies are made of.

Times are CPU time on one thread, so that what else the machine does counts little, and are measured in one process,
each network in its turn, so that what it does count meets all of them alike.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Self

import torch
from accelerate import Accelerator
from torch import Tensor

from benchmarks.machine import describe
from recircle import Preprocessing, TrainConfig, UserError, prepare_for_inference
from recircle.cli.console import progress
from recircle.config import read_json, to_json
from recircle.files import atomic_write
from recircle.loading.batch import Batch
from recircle.loading.options import Shard
from recircle.training.data import TrainingData
from recircle.training.devices import accelerated
from recircle.training.learner import Learner
from studies.trial import current_commit

ROUNDS = 15

_CALLS = 10


@dataclass(frozen=True, kw_only=True)
class Times:
    """What networks of one study take, each a median over the rounds.

    Attributes:
        step: seconds of a training step by network: loading from the cache, forward, backward, update.
        clip: seconds of one clip's forward pass by network, as `recircle.prepare_for_inference` makes it.
        rounds: in which each network had its turn.
        machine: on which, with its threads and the date.
        commit: of this repository.
        added: networks that were measured later, by turns with the first one, in whose units they were put in.
    """

    step: dict[str, float]
    clip: dict[str, float]
    rounds: int
    machine: dict[str, Any]
    commit: str
    added: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            UserError: it is not there, or holds something else.
        """
        return read_json(cls, path)

    def epochs(self, network: str, host: str, host_epochs: int) -> int:
        """Return the epochs of a network that take as long as so many of the host; at least one."""
        return max(1, round(host_epochs * self.step[host] / self.step[network]))


def kept_times(path: Path, configs: Mapping[str, TrainConfig]) -> Times:
    """Return the times in a file, which is made where it is not there.

    All seeds of a study are trained on the schedules of one measurement, so what is in the file is not renewed, and
    networks that it lacks are measured beside the first one and added in its units.

    Args:
        path: of the file.
        configs: the training of each network; epochs and rates do not matter.

    Raises:
        UserError: the file cannot be read, or lacks the first network; or the data cannot be used.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, to_json(measure(configs)))
    times = Times.read(path)
    lacking = [name for name in configs if name not in times.step]
    if not lacking:
        return times
    first = next(iter(configs))
    if first in lacking:
        raise UserError(f"{path} has no times of {first}; move it and the study's records away: both are made anew")
    times = _with(times, measure({name: configs[name] for name in (first, *lacking)}), first)
    atomic_write(path, to_json(times))
    return times


def _with(times: Times, later: Times, first: str) -> Times:
    """Return times and those of later, as if these had been measured with them: in the same ratios to the first's."""
    step, clip = times.step[first] / later.step[first], times.clip[first] / later.clip[first]
    return replace(
        times,
        step={name: round(taken * step, 6) for name, taken in later.step.items()} | times.step,
        clip={name: round(taken * clip, 6) for name, taken in later.clip.items()} | times.clip,
        added=(*times.added, *(name for name in later.step if name != first)),
    )


def measure(configs: Mapping[str, TrainConfig], rounds: int = ROUNDS) -> Times:
    """Time networks by turns, every second round in the opposite order; one round before is not counted.

    Args:
        configs: the training of each network. The data are those of the first, and each round's batch, which is loaded
            and augmented once, is the same for all.
        rounds: that count.

    Raises:
        UserError: the data cannot be used.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        first = next(iter(configs.values()))
        with accelerated(first) as accelerator, progress("times of steps") as show:
            networks = _networks(configs, accelerator)
            preprocessing = next(iter(networks.values())).preprocessing
            stream = _batches(first, preprocessing)
            load: list[float] = []
            step: dict[str, list[float]] = {name: [] for name in networks}
            clip: dict[str, list[float]] = {name: [] for name in networks}
            for turn in range(rounds + 1):
                show(turn, rounds + 1)
                began = time.process_time()
                batch = next(stream)
                load.append(time.process_time() - began)
                one = preprocessing.normalise(batch.frames[:1, 0])
                for name in networks if turn % 2 else reversed(networks):
                    step[name].append(_seconds(partial(networks[name].learn, batch, turn + 1)))
                    clip[name].append(_seconds(partial(networks[name].compute, one)))
    finally:
        torch.set_num_threads(threads)
    return Times(
        step={name: round(median(load[1:]) + median(taken[1:]), 6) for name, taken in step.items()},
        clip={name: round(median(taken[1:]) / _CALLS, 6) for name, taken in clip.items()},
        rounds=rounds,
        machine={**describe(torch.device("cpu")), "threads": 1},
        commit=current_commit(),
    )


class _Network:
    """A network twice: as training has it, and prepared for inference."""

    def __init__(self, config: TrainConfig, classes: int, accelerator: Accelerator) -> None:
        model = config.model.build(classes)
        self.preprocessing = config.data.preprocessing or model.preprocessing
        self._prepared = prepare_for_inference(model.eval())
        self._learner = Learner(model, self.preprocessing, config, accelerator)
        self._learner.train_mode()

    def learn(self, batch: Batch, step: int) -> None:
        self._learner.step([batch], step=step, lr=1e-3)

    def compute(self, clips: Tensor) -> None:
        # a single small clip takes so little that one call would measure the clock
        with torch.inference_mode():
            for _ in range(_CALLS):
                self._prepared(clips)


def _networks(configs: Mapping[str, TrainConfig], accelerator: Accelerator) -> dict[str, _Network]:
    classes = len(TrainingData.read(next(iter(configs.values()))).labels)
    return {name: _Network(config, classes, accelerator) for name, config in configs.items()}


def _batches(config: TrainConfig, preprocessing: Preprocessing) -> Iterator[Batch]:
    """Yield the batches of one epoch after the other; the first is of clips that are in the cache by then."""
    loader = TrainingData.read(config).train_loader(config, preprocessing, Shard())
    for _ in loader.epoch(0):
        pass
    for epoch in count():
        yield from loader.epoch(epoch)


def _seconds(run: Callable[[], None]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began
