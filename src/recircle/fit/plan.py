"""The settings of a fit: what follows from the clips, and from how long a step takes here."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import chain

from recircle.errors import UserError
from recircle.fit.frame_cache import FOLDER
from recircle.fit.sizes import aspect, of_size, sides
from recircle.fit.step_time import Pace
from recircle.training.class_weights import TOLD_FROM
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData
from recircle.views.preprocessing import Preprocessing
from recircle.words import counted

MANY_CLIPS = 400
"""From so many clips on, batches are twice as large."""

_STEPS = 300
_EPOCHS = (15, 60)
"""Steps that are wanted, in epochs between these bounds: fewer leave a network unfinished, more hardly add anything."""
_FEWEST = 3
_PLANNED = 0.85
"""How much of the time is planned for; the rest is for what was not measured, or goes slower then."""
_SAVING, _REPORT = 1.0, 20.0
"""Seconds that a checkpoint and the report take, about."""


@dataclass(frozen=True)
class Plan:
    """What was chosen, and why.

    Attributes:
        config: of the run.
        reasons: sentences.
    """

    config: TrainConfig
    reasons: tuple[str, ...]


def suit_clips(config: TrainConfig, data: TrainingData, given: Collection[str]) -> TrainConfig:
    """Return a config with what follows from the clips alone: batches, and the weights of classes.

    Args:
        config: of the recipe, with what the user gave.
        data: the clips.
        given: names of the options that the user gave, which stay.
    """
    clips = data.clips_of_classes
    present = [count for count in clips.values() if count]
    if "--batch-size" not in given:
        total = sum(present)
        size = 2 * config.batch_size if total >= MANY_CLIPS else config.batch_size
        config = replace(config, batch_size=max(1, min(size, total // 2)))
    if "--class-weights" not in given and max(present) >= TOLD_FROM * min(present):
        config = replace(config, class_weights="balanced")
    return config


def views_of(data: TrainingData, plain: Preprocessing) -> list[Preprocessing]:
    """Return the views to choose from, from small to large."""
    clips = [clip for clip in chain(data.train.clips, data.val.clips) if clip.status == "ok"]
    shape = aspect(clips)
    return [of_size(plain, side, shape) for side in sides(clips)]


def choose(
    config: TrainConfig,
    data: TrainingData,
    views: list[Preprocessing],
    pace: Pace,
    *,
    seconds: float,
    given: Collection[str],
) -> Plan:
    """Choose the size of the views and the number of epochs, so that training ends in time.

    The largest views are taken with which enough epochs fit; where there is more time still, more epochs.

    Args:
        config: the rest of the settings.
        data: the clips.
        views: to choose from, from small to large.
        pace: of this machine.
        seconds: that are left for training, with its evaluations, and for what comes after it.
        given: names of the options that the user gave, which stay.

    Raises:
        UserError: even with the smallest views a few epochs do not fit; the message says how many minutes do.
    """
    clips = sum(data.clips_of_classes.values())
    steps = max(1, clips // config.batch_size)
    wanted = min(max(math.ceil(_STEPS / steps), _EPOCHS[0]), _EPOCHS[1])

    def epoch(view: Preprocessing) -> float:
        trained = steps * config.batch_size * pace.clip(view)
        return trained + pace.evaluation(view, len(data.val)) + _SAVING

    def training(view: Preprocessing) -> float:
        first = pace.first * (clips + len(data.val))
        return seconds - _REPORT - first - pace.evaluation(view, len(data.val))

    fitting = [int(_PLANNED * training(view) / epoch(view)) for view in views]
    if fitting[0] < _FEWEST and "--epochs" not in given:
        more = _FEWEST * epoch(views[0]) / _PLANNED - training(views[0])
        raise UserError(
            f"an epoch of the {counted(clips, 'clip')} takes about {epoch(views[0]):.0f} s here even with frames of "
            f"{in_pixels(views[0])}, so that not even {_FEWEST} of them fit; add {max(1, math.ceil(more / 60))} to "
            "--minutes, better many times that, or give fewer clips"
        )
    wanted = config.epochs if "--epochs" in given else wanted
    place = max((number for number, count in enumerate(fitting) if count >= wanted), default=0)
    epochs = config.epochs if "--epochs" in given else min(fitting[place], _EPOCHS[1])
    least = max(training(views[place]) / 60, 0.1)
    reasons = [
        f"{counted(epochs, 'epoch')} of {counted(steps, 'step')}, with frames of {in_pixels(views[place])}: about "
        f"{epochs * epoch(views[place]) / 60:.1f} of the {least:.1f} minutes that are left for training"
    ]
    if epochs < wanted:
        reasons.append(f"{wanted} epochs would be better, and do not fit")
    if config.data.cache == config.output / FOLDER:
        reasons.append(f"clips are decoded once; their frames are kept in {config.data.cache} until all is done")
    if config.class_weights == "balanced" and "--class-weights" not in given:
        reasons.append("classes have unequal numbers of clips, so they are weighted alike in the loss")
    data_config = replace(config.data, preprocessing=views[place])
    return Plan(replace(config, epochs=epochs, minutes=round(least, 1), data=data_config), tuple(reasons))


def in_pixels(view: Preprocessing) -> str:
    """Return the size of a view in words."""
    height, width = view.crop_size
    return f"{height} x {width} px"
