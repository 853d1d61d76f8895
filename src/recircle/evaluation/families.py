"""Where a fine-grained network fails: between families, or among the siblings in one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation import metrics
from recircle.evaluation.hierarchy import Hierarchy
from recircle.evaluation.measure import Estimate, most_confused, share_of_clips
from recircle.evaluation.metrics import Labels, Scores
from recircle.evaluation.predictions import Predictions

Groups = NDArray[np.int64]
"""[K], the number of the group of each class."""


@dataclass(frozen=True, kw_only=True)
class LevelAccuracy:
    """How often a network is right at one level of a hierarchy, and how often inside the true group of that level.

    Attributes:
        level: its name, such as "family".
        groups: number of groups.
        accuracy: share of the clips whose predicted class is in the true group.
        chance: the same of a class that is guessed.
        inside: share of the clips whose class scores best among the classes of its group alone. A class that is a group
            of its own is always right there, which the chance counts too.
        inside_chance: the same of a class of the true group that is guessed.
    """

    level: str
    groups: int
    accuracy: Estimate
    chance: float
    inside: Estimate
    inside_chance: float


@dataclass(frozen=True, kw_only=True)
class ConfusedClasses:
    """Two classes, and how often the first is taken for the second.

    Attributes:
        true: name of the class.
        predicted: what it is taken for.
        clips: how often.
        rate: share of the clips of the true class.
    """

    true: str
    predicted: str
    clips: int
    rate: float


@dataclass(frozen=True, kw_only=True)
class FamilyMetrics:
    """What `measure_families` finds.

    Attributes:
        levels: of the hierarchy, the finest first.
        mistakes: clips whose class does not score best, by the height of the lowest common ancestor of the true and the
            predicted class: 1 is a sibling, 2 a class of another family (of the same larger group, if there is one),
            and so on.
        severity: mean of these heights over the mistakes (Bertinetto et al., "Making Better Mistakes", CVPR 2020);
            None where there are no mistakes.
        siblings: the most confused classes inside families of the finest level, most clips first.
        across: likewise of different families.
    """

    levels: tuple[LevelAccuracy, ...]
    mistakes: tuple[int, ...]
    severity: float | None
    siblings: tuple[ConfusedClasses, ...]
    across: tuple[ConfusedClasses, ...]


def measure_families(
    predictions: Predictions,
    hierarchy: Hierarchy | None = None,
    *,
    pairs: int = 5,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> FamilyMetrics:
    """Return where the mistakes of the labelled clips lie in a hierarchy.

    Args:
        predictions: of a run.
        hierarchy: of their classes; None takes the families that are saved with them.
        pairs: how many pairs of confused classes to name, of siblings and of others.
        resamples: bootstrap resamples of the intervals.
        seed: of the resamples.
        level: share of the resamples inside each interval.

    Raises:
        UserError: no clip has a label, or there is neither a hierarchy nor a family.
        ValueError: the hierarchy is of other classes, or an argument is out of range.
    """
    known = predictions.measurable()
    if hierarchy is None:
        hierarchy = Hierarchy.from_families(known.classes, known.families)
    if hierarchy.classes != known.classes:
        raise ValueError(f"a hierarchy of {len(hierarchy.classes)} classes is not of those of the predictions")
    scores, labels = known.scores(), known.labels

    def share(values: NDArray[np.bool_]) -> Estimate:
        return share_of_clips(values, resamples=resamples, seed=seed, level=level)

    heights = mistake_heights(scores, labels, hierarchy.groups)
    confusion = metrics.confusion_matrix(scores, labels)
    siblings = hierarchy.groups[0][:, None] == hierarchy.groups[0]

    def confused(among: NDArray[np.bool_]) -> tuple[ConfusedClasses, ...]:
        return tuple(
            ConfusedClasses(
                true=known.classes[true],
                predicted=known.classes[predicted],
                clips=count,
                rate=count / int(confusion[true].sum()),
            )
            for true, predicted, count in most_confused(np.where(among, confusion, 0), pairs)
        )

    return FamilyMetrics(
        levels=tuple(
            LevelAccuracy(
                level=name,
                groups=len(np.unique(groups)),
                accuracy=share(in_group(scores, labels, groups)),
                chance=chance_of_group(labels, groups),
                inside=share(best_in_group(scores, labels, groups)),
                inside_chance=chance_in_group(labels, groups),
            )
            for name, groups in zip(hierarchy.levels, hierarchy.groups)
        ),
        mistakes=tuple(np.bincount(heights, minlength=len(hierarchy.levels) + 2)[1:].tolist()),
        severity=float(heights[heights > 0].mean()) if heights.any() else None,
        siblings=confused(siblings),
        across=confused(~siblings),
    )


def in_group(scores: Scores, labels: Labels, groups: Groups) -> NDArray[np.bool_]:
    """Return for each clip whether the best class is in the group of the true one, [N].

    A clip with a score that is not a number is never right.
    """
    return (groups[scores.argmax(1)] == groups[labels]) & ~np.isnan(scores).any(1)


def best_in_group(scores: Scores, labels: Labels, groups: Groups) -> NDArray[np.bool_]:
    """Return for each clip whether its class scores best among the classes of its group, [N]."""
    siblings = groups[labels][:, None] == groups[None]
    return metrics.in_top_k(np.where(siblings, scores, -np.inf), labels, 1)


def chance_of_group(labels: Labels, groups: Groups) -> float:
    """Return how often a class that is guessed is in the group of the true one, over the clips."""
    sizes = np.bincount(groups)[groups[labels]]
    return float((sizes / len(groups)).mean())


def chance_in_group(labels: Labels, groups: Groups) -> float:
    """Return how often a class of the true group that is guessed is the true one, over the clips."""
    return float((1 / np.bincount(groups)[groups[labels]]).mean())


def mistake_heights(scores: Scores, labels: Labels, groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the height of the lowest common ancestor of the true and the predicted class, int64 [N].

    0 is right, 1 a sibling, and L + 1 a class that shares no group. Scores that are not numbers are as far off as can
    be.

    Args:
        scores: float [N, K].
        labels: int [N].
        groups: int64 [L, K] of nested levels, the finest first.
    """
    predicted = scores.argmax(1)
    apart = groups[:, predicted] != groups[:, labels]
    heights = (predicted != labels) + apart.sum(0)
    return np.where(np.isnan(scores).any(1), len(groups) + 1, heights)
