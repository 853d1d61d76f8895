"""How long training takes on this machine: a few steps and an evaluation, with clips of the data."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from accelerate import Accelerator

from recircle.evaluation.forward import Forward
from recircle.evaluation.predict import predict
from recircle.loading.options import Shard
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData
from recircle.training.devices import accelerated
from recircle.training.learner import Learner
from recircle.views.preprocessing import Preprocessing

_MOST_STEPS, _MOST_EVALUATED = 12, 16
_FORWARD = 0.6
"""What a clip costs in an evaluation, at most, as a part of what it costs in training: there is no backward pass."""


@dataclass(frozen=True)
class Measured:
    """What was measured at one size of the views.

    Attributes:
        pixels: of a view.
        clip: seconds of a training step for each clip in it: decoding, forward and backward pass, optimiser.
        start: seconds of an evaluation before its first clip.
        first: seconds more of a clip that is seen for the first time, where its frames are kept.
    """

    pixels: int
    clip: float
    start: float
    first: float = 0.0


@dataclass(frozen=True)
class Pace:
    """How long epochs take.

    Attributes:
        fixed: seconds a clip in training, whatever the size: decoding, resizing, the optimiser.
        of_pixel: seconds more for each pixel of a frame of the view.
        start: seconds of an evaluation before its first clip.
        first: seconds more of a clip that is seen for the first time, where its frames are kept.
    """

    fixed: float
    of_pixel: float
    start: float
    first: float = 0.0

    @classmethod
    def through(cls, measured: Sequence[Measured]) -> "Pace":
        """Return the pace of all sizes, from that of two; from one, all is taken to grow with the pixels."""
        small, large = (end(measured, key=lambda one: one.pixels) for end in (min, max))
        start, first = (max(getattr(one, name) for one in measured) for name in ("start", "first"))
        if small.pixels == large.pixels or large.clip <= small.clip:
            return cls(0.0, large.clip / large.pixels, start, first)
        slope = (large.clip - small.clip) / (large.pixels - small.pixels)
        fixed = small.clip - slope * small.pixels
        # noise must not promise that some pixels cost nothing
        return cls(fixed, slope, start, first) if fixed > 0 else cls(0.0, large.clip / large.pixels, start, first)

    def clip(self, preprocessing: Preprocessing) -> float:
        """Return the seconds of a clip in training."""
        height, width = preprocessing.crop_size
        return self.fixed + self.of_pixel * height * width

    def evaluation(self, preprocessing: Preprocessing, clips: int) -> float:
        """Return the seconds of an evaluation."""
        return self.start + _FORWARD * clips * self.clip(preprocessing)


def measure_pace(config: TrainConfig, data: TrainingData, *, seconds: float) -> Measured:
    """Train and evaluate a little, and return how long that took; the network is thrown away.

    Args:
        config: the run, with the preprocessing that is measured.
        data: its clips.
        seconds: about how long to train; two steps are taken in any case.
    """
    preprocessing = config.data.preprocessing
    assert preprocessing is not None
    model = config.model.build_empty(len(data.labels))
    with accelerated(replace(config, tracker=None)) as accelerator, _own_cache(config) as config:
        learner = Learner(model, preprocessing, config, accelerator)
        seen, first = _see_first(config, data, seconds) if config.data.cache is not None else (None, 0.0)
        clip = _train(learner, config, data, seconds, seen)
        if config.data.cache is not None:
            _evaluate(learner, config, data, accelerator, clip)
        start = _evaluate(learner, config, data, accelerator, clip)
    height, width = preprocessing.crop_size
    return Measured(height * width, clip, start, first)


@contextmanager
def _own_cache(config: TrainConfig) -> Iterator[TrainConfig]:
    """Yield a config whose frames are kept elsewhere and thrown away, if it keeps any."""
    if config.data.cache is None:
        yield config
        return
    with TemporaryDirectory(prefix="recircle-") as folder:
        yield replace(config, data=replace(config.data, cache=Path(folder)))


def _see_first(config: TrainConfig, data: TrainingData, seconds: float) -> tuple[int, float]:
    """Load batches of the first epoch, whose frames are kept from then on; return how many, and the seconds a clip."""
    assert config.data.preprocessing is not None
    began = time.perf_counter()
    clips = batches = 0
    for batch in data.train_loader(config, config.data.preprocessing, Shard()).epoch(0):
        clips, batches = clips + len(batch.labels), batches + 1
        if batches == _MOST_STEPS or (batches > 1 and time.perf_counter() - began > seconds):
            break
    return batches, (time.perf_counter() - began) / max(1, clips)


def _train(learner: Learner, config: TrainConfig, data: TrainingData, seconds: float, seen: int | None) -> float:
    """Return the seconds a clip; the first step, in which processes start and memory is found, does not count.

    Args:
        learner: the network.
        config: of the run.
        data: its clips.
        seconds: about how long.
        seen: the number of batches of the first epoch whose frames are kept; no others are taken.
    """
    assert config.data.preprocessing is not None
    learner.train_mode()
    loader = data.train_loader(config, config.data.preprocessing, Shard())
    began = began_all = time.perf_counter()
    clips = step = epoch = 0
    while True:
        for batch in islice(loader.epoch(epoch if seen is None else 0), seen):
            step += 1
            # at a rate that leaves the weights in place, whatever the loss
            learner.step([batch], step=step, lr=1e-9)
            now = time.perf_counter()
            if step == 1:
                began = now
            else:
                clips += len(batch.labels)
            if step == _MOST_STEPS or (step > 1 and now - began_all > seconds):
                return (now - began) / max(1, clips)
        epoch += 1


def _evaluate(
    learner: Learner, config: TrainConfig, data: TrainingData, accelerator: Accelerator, clip: float
) -> float:
    """Return the seconds that an evaluation takes beside those of its clips."""
    assert config.data.preprocessing is not None
    some = replace(data, val=replace(data.val, clips=data.val.clips[:_MOST_EVALUATED]))
    loader = some.val_loader(config, config.data.preprocessing, Shard())
    began = time.perf_counter()
    predict(
        learner.evaluated,
        loader,
        config.data.preprocessing,
        Forward(device=accelerator.device, precision=config.precision),
    )
    return max(0.0, time.perf_counter() - began - _FORWARD * len(some.val) * clip)
