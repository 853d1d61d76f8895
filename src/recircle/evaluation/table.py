"""The table of metrics: a row is all that a metric needs to be measured, printed, saved as JSON and reported."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation import metrics
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.estimate import Estimate, estimate
from recircle.evaluation.metrics import Groups, Labels, Scores


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure of labelled clips that are right or wrong.

    Attributes:
        name: its key in JSON.
        title: what `recircle eval` calls it; "{level}" stands for the name of a level such as "family".
        of: whether it is one figure of all classes, or one at each level of a hierarchy of them.
        right: which clips are right, bool [N], of scores [N, K], labels [N] and the number of each class's group [K];
            of "classes" each class is a group of its own.
        chance: the expected figure of a guess, of labels [N] and groups [K].
        average: the mean over the clips, or over the classes present of each one's mean.
        column: its title in the first table of `recircle report`, at the finest level; None leaves it out.
    """

    name: str
    title: str
    of: Literal["classes", "level"] = "classes"
    right: Callable[[Scores, Labels, Groups], NDArray[np.bool_]]
    chance: Callable[[Labels, Groups], float]
    average: Literal["clips", "classes"] = "clips"
    column: str | None = None


METRICS = (
    Metric(
        name="top1",
        title="top-1",
        right=lambda scores, labels, _: metrics.in_top_k(scores, labels, 1),
        chance=lambda _, groups: 1 / len(groups),
        column="top-1",
    ),
    Metric(
        name="top5",
        title="top-5",
        right=lambda scores, labels, _: metrics.in_top_k(scores, labels, 5),
        chance=lambda _, groups: min(5, len(groups)) / len(groups),
        column="top-5",
    ),
    Metric(
        name="mean_class",
        title="mean class",
        right=lambda scores, labels, _: metrics.in_top_k(scores, labels, 1),
        chance=lambda _, groups: 1 / len(groups),
        average="classes",
        column="mean class",
    ),
    Metric(
        name="accuracy",
        title="{level}",
        of="level",
        right=metrics.right_group,
        chance=metrics.chance_of_group,
    ),
    Metric(
        name="inside",
        title="inside {level}",
        of="level",
        right=metrics.right_inside,
        chance=metrics.chance_inside,
        column="inside the family",
    ),
)
"""In the order in which they are printed. A row more is a metric more, everywhere."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What a metric was measured to be, and what a guess would reach."""

    metric: Metric
    estimate: Estimate
    chance: float


@dataclass(frozen=True)
class Figures:
    """The figures of one kind of metrics, by name."""

    rows: tuple[Figure, ...]

    def __getitem__(self, name: str) -> Figure:
        return next(row for row in self.rows if row.metric.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {row.metric.name: asdict(row.estimate) for row in self.rows}


def measure_table(
    of: Literal["classes", "level"], scores: Scores, labels: Labels, groups: Groups, bootstrap: Bootstrap
) -> Figures:
    """Return all metrics of one kind.

    Args:
        of: the kind.
        scores: [N, K].
        labels: [N].
        groups: number of each class's group, [K].
        bootstrap: of the intervals.

    Raises:
        ValueError: there is no clip, or an argument is out of range.
    """
    rows = [metric for metric in METRICS if metric.of == of]
    return Figures(tuple(_measure(metric, scores, labels, groups, bootstrap) for metric in rows))


def _measure(metric: Metric, scores: Scores, labels: Labels, groups: Groups, bootstrap: Bootstrap) -> Figure:
    right = metric.right(scores, labels, groups)

    def figure(clips: NDArray[np.int64]) -> float:
        if metric.average == "classes":
            return metrics.class_balanced_mean(right[clips], labels[clips])
        return float(right[clips].mean())

    return Figure(
        metric=metric, estimate=estimate(figure, len(labels), bootstrap), chance=metric.chance(labels, groups)
    )
