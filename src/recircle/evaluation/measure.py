"""The metrics of saved predictions, each with its interval, and all with their protocol."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation import metrics
from recircle.evaluation.predictions import Predictions


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure and the ends of its bootstrap interval, as shares in [0, 1]."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What `measure` finds, with all that is needed to understand the figures.

    Attributes:
        protocol: views and fusion in words.
        data: which clips, in words.
        clips: number of clips the figures come from.
        left_out: number of clips that could not be decoded.
        top1: share of clips whose class scores best.
        top5: share of clips whose class is among the five best; 1.0 where there are no more than five classes.
        mean_class: mean over the classes present of each one's top-1.
        level: share of the bootstrap resamples inside each interval.
        resamples: number of bootstrap resamples of the clips.
        seed: of the resamples.
        confusion: int64 [K, K], rows are true classes, columns predicted ones.
    """

    protocol: str
    data: str
    clips: int
    left_out: int
    top1: Estimate
    top5: Estimate
    mean_class: Estimate
    level: float
    resamples: int
    seed: int
    confusion: NDArray[np.int64]


def measure(predictions: Predictions, *, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> Metrics:
    """Return the metrics of the labelled clips among the predictions.

    Raises:
        UserError: no clip has a label.
        ValueError: an argument is out of range.
    """
    known = predictions.measurable()
    scores, labels = known.scores(), known.labels
    first = metrics.in_top_k(scores, labels, 1)
    fifth = metrics.in_top_k(scores, labels, 5)

    def balanced(rows: NDArray[np.int64]) -> float:
        return metrics.class_balanced_mean(first[rows], labels[rows])

    return Metrics(
        protocol=predictions.protocol,
        data=predictions.data,
        clips=len(known),
        left_out=len(predictions.left_out),
        top1=share_of_clips(first, resamples=resamples, seed=seed, level=level),
        top5=share_of_clips(fifth, resamples=resamples, seed=seed, level=level),
        mean_class=estimate(balanced, len(known), resamples=resamples, seed=seed, level=level),
        level=level,
        resamples=resamples,
        seed=seed,
        confusion=metrics.confusion_matrix(scores, labels),
    )


def estimate(
    figure: Callable[[NDArray[np.int64]], float],
    clips: int,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Return a figure of clips with its bootstrap interval; see `metrics.bootstrap_interval`."""
    low, high = metrics.bootstrap_interval(figure, clips, resamples=resamples, seed=seed, level=level)
    return Estimate(value=figure(np.arange(clips)), low=low, high=high)


def share_of_clips(values: NDArray[np.bool_], *, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> Estimate:
    """Return the share of the clips that are true, [N], with its bootstrap interval."""
    return estimate(lambda rows: float(values[rows].mean()), len(values), resamples=resamples, seed=seed, level=level)


def most_confused(confusion: NDArray[np.int64], count: int = 5) -> list[tuple[int, int, int]]:
    """Return up to `count` pairs (true class, predicted class, clips) off the diagonal, most clips first."""
    errors = confusion.copy()
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[:count]
    pairs = [divmod(int(flat), errors.shape[1]) for flat in order]
    return [(true, predicted, int(errors[true, predicted])) for true, predicted in pairs if errors[true, predicted]]
