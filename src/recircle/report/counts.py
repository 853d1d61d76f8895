"""The clips of an evaluation by class and family: what the matrices and the tables of classes are made of."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation import metrics
from recircle.evaluation.hierarchy import Hierarchy
from recircle.evaluation.metrics import right_inside
from recircle.evaluation.predictions import Predictions


@dataclass(frozen=True, kw_only=True)
class Group:
    """A family of classes, or a class that has none.

    Attributes:
        name: of the family; of the class where it has no family.
        classes: their numbers, ascending.
        clips: of these classes.
        right: those whose class scores best.
        inside: those whose class scores best among the classes of the family.
    """

    name: str
    classes: tuple[int, ...]
    clips: int
    right: int
    inside: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """Labelled clips, counted.

    Attributes:
        classes: names of the K classes.
        groups: the families, by name; one a class where the classes have no families.
        has_families: whether a class has a family.
        confusion: int64 [K, K], rows are true classes, columns predicted ones; clips that are not finite are not in it.
        clips: int64 [K], of each true class.
        right: int64 [K], those of them whose class scores best.
        not_finite: clips with scores that are not numbers; they are never right.
    """

    classes: tuple[str, ...]
    groups: tuple[Group, ...]
    has_families: bool
    confusion: NDArray[np.int64]
    clips: NDArray[np.int64]
    right: NDArray[np.int64]
    not_finite: int

    @classmethod
    def of(cls, predictions: Predictions) -> Self:
        """Count predictions.

        Raises:
            UserError: no clip has a label.
        """
        known = predictions.measurable()
        scores, labels, classes = known.scores(), known.labels, known.classes
        finite = np.isfinite(scores).all(1)
        has_families = any(name in known.families for name in classes)
        numbers = np.arange(len(classes))
        if has_families:
            numbers = Hierarchy.from_families(classes, known.families).groups[0]
        right = metrics.in_top_k(scores, labels, 1)
        inside = right_inside(scores, labels, numbers)
        groups: list[Group] = []
        for number in np.unique(numbers):
            members = np.flatnonzero(numbers == number)
            rows = numbers[labels] == number
            name = classes[members[0]]
            groups.append(
                Group(
                    name=known.families.get(name, name),
                    classes=tuple(members.tolist()),
                    clips=int(rows.sum()),
                    right=int(right[rows].sum()),
                    inside=int(inside[rows].sum()),
                )
            )
        count = len(classes)
        return cls(
            classes=classes,
            groups=tuple(sorted(groups, key=lambda group: (group.name, group.classes))),
            has_families=has_families,
            confusion=metrics.confusion_matrix(scores[finite], labels[finite]),
            clips=np.bincount(labels, minlength=count),
            right=np.bincount(labels[right], minlength=count),
            not_finite=int((~finite).sum()),
        )

    @property
    def order(self) -> list[int]:
        """The classes family by family."""
        return [number for group in self.groups for number in group.classes]

    def between(self) -> NDArray[np.int64]:
        """Return the confusion matrix of the groups, [G, G]."""
        number = np.empty(len(self.classes), dtype=np.int64)
        for place, group in enumerate(self.groups):
            number[list(group.classes)] = place
        summed = np.zeros((len(self.groups), len(self.groups)), dtype=np.int64)
        np.add.at(summed, (number[:, None], number[None]), self.confusion)
        return summed

    def taken_for(self, true: int, most: int = 3) -> list[tuple[str, int]]:
        """Return what clips of a class are most often taken for, other than it, with their numbers."""
        row = self.confusion[true].copy()
        row[true] = 0
        order = np.argsort(-row, kind="stable")[:most]
        return [(self.classes[n], int(row[n])) for n in order if row[n]]
