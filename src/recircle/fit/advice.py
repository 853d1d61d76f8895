"""What would make a trained network better, judged by what its training and its evaluation left."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recircle.evaluation.measure import Metrics, most_confused
from recircle.evaluation.predictions import Predictions
from recircle.words import counted

FEW_CLIPS = 20
"""Below so many clips to learn from, more of them help a class most."""

_LEARNING, _LEARNT = 0.5, 0.2
"""Parts of ln(classes), the loss of guessing: above the first a network still learns, below the second it has."""
_ERRS = 0.1
_WIDE = 0.05
_PAIRS = 2


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is known when a fit is over.

    Attributes:
        clips: to learn from, of each class.
        grouped: whether clips have groups, so that none was torn apart.
        journal: the lines of metrics.jsonl.
        predictions: of the clips that were held out.
        metrics: of them.
        shrunk: the size of the views, in words, where larger ones would show more of the clips; else "".
    """

    clips: Mapping[str, int]
    grouped: bool
    journal: Sequence[Mapping[str, Any]]
    predictions: Predictions
    metrics: Metrics
    shrunk: str


def advise(found: Found) -> list[str]:
    """Return what to do for more accuracy, what helps most first."""
    told = [*_few_clips(found), *_fitting(found)]
    if found.shrunk:
        told.append(
            f"the frames were brought to {found.shrunk} so that training ends in time; more minutes, or a GPU, allow "
            "larger ones, which show smaller things"
        )
    return [*told, *_confused(found), *_certainty(found)]


def _few_clips(found: Found) -> list[str]:
    few = {label: count for label, count in found.clips.items() if count < FEW_CLIPS}
    if not few:
        return []
    least = min(few, key=lambda label: few[label])
    have = "class has" if len(few) == 1 else "classes have"
    which = f"all {have}" if len(few) == len(found.clips) else f"{len(few)} of {len(found.clips)} {have}"
    return [
        f"{which} fewer than {FEW_CLIPS} clips to learn from ({least!r}: {few[least]}); more clips help most, of other "
        "people and places"
    ]


def _fitting(found: Found) -> list[str]:
    """Tell a network that still learns from one that knows its own clips and errs on others."""
    guessing = math.log(len(found.clips))
    losses = [line["train_loss"] for line in found.journal if line["kind"] == "val" and line["train_loss"] is not None]
    if not losses:
        return []
    known = found.predictions.measurable()
    own = known.scores()[np.arange(len(known)), known.labels]
    other = float(-np.log(np.maximum(own, 1e-12)).mean())
    figures = (
        f"the loss is {losses[-1]:.2f} in training, {other:.2f} on the clips held out, and {guessing:.2f} of a guess"
    )
    if losses[-1] > _LEARNING * guessing:
        return [f"it is still learning: {figures}; more minutes help"]
    if losses[-1] < _LEARNT * guessing and found.metrics.top1.value < 1 - _ERRS:
        return [f"it knows its own clips and errs on others: {figures}; other clips help, longer training does not"]
    return []


def _confused(found: Found) -> list[str]:
    """Name the pairs of classes that most mistakes are about."""
    confusion, classes = found.metrics.confusion, found.predictions.classes
    told = []
    for true, taken, clips in most_confused(confusion, _PAIRS):
        total = int(confusion[true].sum())
        if clips > 1:
            told.append(
                f"{classes[true]!r} is taken for {classes[taken]!r} in {clips} of its {counted(total, 'clip')}: see in "
                "the report whether these are labelled right, and add clips that differ in nothing else"
            )
    return told


def _certainty(found: Found) -> list[str]:
    told = []
    top1 = found.metrics.top1
    if top1.high - top1.low > 2 * _WIDE:
        told.append(
            f"{counted(found.metrics.clips, 'clip')} to evaluate on leave the accuracy open between "
            f"{100 * top1.low:.0f} and {100 * top1.high:.0f} %: settings can be compared on more clips only"
        )
    if not found.grouped:
        told.append(
            "no groups are known: where clips of one person or one recording are on both sides, the accuracy flatters; "
            "a column `group` in a list keeps them together"
        )
    return told
