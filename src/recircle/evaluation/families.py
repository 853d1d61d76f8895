"""Where a fine-grained network fails: between families, or among the siblings in one."""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation import metrics
from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.estimate import Estimate
from recircle.evaluation.hierarchy import Hierarchy
from recircle.evaluation.measure import most_confused
from recircle.evaluation.metrics import Labels, Scores
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.table import Figures, measure_table


@dataclass(frozen=True, kw_only=True)
class LevelAccuracy:
    """How often a network is right at one level of a hierarchy, and how often inside the true group of that level.

    Attributes:
        level: its name, such as "family".
        groups: number of groups.
        figures: of all metrics of the table in `recircle.evaluation.table` that are of a level.
    """

    level: str
    groups: int
    figures: Figures

    @property
    def accuracy(self) -> Estimate:
        """Share of the clips whose predicted class is in the true group."""
        return self.figures["accuracy"].estimate

    @property
    def chance(self) -> float:
        """The same of a class that is guessed."""
        return self.figures["accuracy"].chance

    @property
    def inside(self) -> Estimate:
        """Share of the clips whose class scores best among the classes of its group alone.

        A class that is a group of its own is always right there, which the chance counts too.
        """
        return self.figures["inside"].estimate

    @property
    def inside_chance(self) -> float:
        """The same of a class of the true group that is guessed."""
        return self.figures["inside"].chance

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, each figure and its chance under names of their own."""
        content: dict[str, Any] = {"level": self.level, "groups": self.groups}
        for row in self.figures.rows:
            name = row.metric.name
            content |= {name: asdict(row.estimate), "chance" if name == "accuracy" else f"{name}_chance": row.chance}
        return content


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

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        others = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "levels"}
        pairs = {name: [asdict(pair) for pair in others[name]] for name in ("siblings", "across")}
        return {"levels": [level.to_dict() for level in self.levels], **others, **pairs}


def measure_families(
    predictions: Predictions,
    hierarchy: Hierarchy | None = None,
    *,
    pairs: int = 5,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> FamilyMetrics:
    """Return where the mistakes of the labelled clips lie in a hierarchy.

    Args:
        predictions: of a run.
        hierarchy: of their classes; None takes the families that are saved with them.
        pairs: how many pairs of confused classes to name, of siblings and of others.
        bootstrap: of the intervals.

    Raises:
        UserError: no clip has a label, or there is neither a hierarchy nor a family.
        ValueError: the hierarchy is of other classes.
    """
    known = predictions.measurable()
    if hierarchy is None:
        hierarchy = Hierarchy.from_families(known.classes, known.families)
    if hierarchy.classes != known.classes:
        raise ValueError(f"the {len(hierarchy.classes)} classes of the hierarchy are not those of the predictions")
    scores, labels = known.scores(), known.labels
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
                figures=measure_table("level", scores, labels, groups, bootstrap),
            )
            for name, groups in zip(hierarchy.levels, hierarchy.groups)
        ),
        mistakes=tuple(np.bincount(heights, minlength=len(hierarchy.levels) + 2)[1:].tolist()),
        severity=float(heights[heights > 0].mean()) if heights.any() else None,
        siblings=confused(siblings),
        across=confused(~siblings),
    )


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
