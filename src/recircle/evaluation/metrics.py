"""Metrics as pure functions of arrays: scores float [N, K] (higher is likelier) and labels int [N] in 0..K-1."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap

Scores = NDArray[np.floating]
Labels = NDArray[np.integer]
Groups = NDArray[np.int64]
"""[K], the number of the group of each class."""


def in_top_k(scores: Scores, labels: Labels, k: int) -> NDArray[np.bool_]:
    """Return for each clip whether its class is among the k best scores, [N].

    A k above the number of classes means all of them. Of equal scores the lower class index ranks first. A score that
    is not a number ranks above every other, so a network that diverged is never counted as right.

    Raises:
        ValueError: shapes do not match, a label is outside 0..K-1, or k is below 1.
    """
    _check(scores, labels)
    if k < 1:
        raise ValueError(f"k={k} must be 1 or more")
    rows = np.arange(len(labels))
    own = scores[rows, labels][:, None]
    earlier = np.arange(scores.shape[1]) < labels[:, None]
    ahead = ~(scores <= own) | ((scores == own) & earlier)
    return ahead.sum(axis=1) < min(k, scores.shape[1])


def top_k_accuracy(scores: Scores, labels: Labels, k: int = 1) -> float:
    """Return the share of clips whose class is among the k best scores (see `in_top_k`); nan without clips."""
    return _mean(in_top_k(scores, labels, k))


def mean_class_accuracy(scores: Scores, labels: Labels) -> float:
    """Return the mean, over the classes that have clips, of each class's top-1 accuracy; nan without clips."""
    return class_balanced_mean(in_top_k(scores, labels, 1), labels)


def class_balanced_mean(values: NDArray[np.bool_], labels: Labels) -> float:
    """Return the mean over the classes present in `labels` of the mean of `values` [N] in each."""
    counts = np.bincount(labels)
    sums = np.bincount(labels, weights=values)
    present = counts > 0
    return _mean(sums[present] / counts[present])


def right_group(scores: Scores, labels: Labels, groups: Groups) -> NDArray[np.bool_]:
    """Return for each clip whether the best class is in the group of the true one, [N].

    A clip with a score that is not a number is never right.
    """
    return (groups[scores.argmax(1)] == groups[labels]) & ~np.isnan(scores).any(1)


def right_inside(scores: Scores, labels: Labels, groups: Groups) -> NDArray[np.bool_]:
    """Return for each clip whether its class scores best among the classes of its group, [N]."""
    siblings = groups[labels][:, None] == groups[None]
    return in_top_k(np.where(siblings, scores, -np.inf), labels, 1)


def chance_of_group(labels: Labels, groups: Groups) -> float:
    """Return how often a class that is guessed is in the group of the true one, over the clips."""
    sizes = np.bincount(groups)[groups[labels]]
    return float((sizes / len(groups)).mean())


def chance_inside(labels: Labels, groups: Groups) -> float:
    """Return how often a class of the true group that is guessed is the true one, over the clips."""
    return float((1 / np.bincount(groups)[groups[labels]]).mean())


def confusion_matrix(scores: Scores, labels: Labels) -> NDArray[np.int64]:
    """Return [K, K] counts of clips: rows are the true classes, columns the predicted ones."""
    _check(scores, labels)
    classes = scores.shape[1]
    flat = labels.astype(np.int64) * classes + scores.argmax(axis=1)
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def bootstrap_interval(
    statistic: Callable[[NDArray[np.int64]], float],
    count: int,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a statistic (Efron, 1979) over resampled clips.

    Args:
        statistic: the figure for the clips at the given indices, [count], with repeats.
        count: number of clips.
        bootstrap: how often and from which seed clips are drawn, and the interval's level.

    Raises:
        ValueError: there is no clip.
    """
    if count < 1:
        raise ValueError("count=0: an interval needs at least one clip")
    rng = np.random.default_rng(bootstrap.seed)
    figures = [statistic(rng.integers(count, size=count)) for _ in range(bootstrap.resamples)]
    low, high = np.quantile(figures, [(1 - bootstrap.level) / 2, (1 + bootstrap.level) / 2])
    return float(low), float(high)


def _check(scores: Scores, labels: Labels) -> None:
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(f"scores {scores.shape} and labels {labels.shape} must be [N, K] and [N]")
    if labels.size and not (labels.min() >= 0 and labels.max() < scores.shape[1]):
        raise ValueError(f"labels must lie in 0..{scores.shape[1] - 1}; leave clips without a label out")


def _mean(values: NDArray) -> float:
    return float(values.mean()) if values.size else float("nan")
