"""Two networks on the same clips: whether one is better, and where."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recircle.errors import UserError
from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.estimate import Estimate, estimate
from recircle.evaluation.metrics import in_top_k
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.provenance import Provenance, differing

McNemarForm = Literal["exact binomial", "chi-square"]

EXACT_BELOW = 25
"""Discordant clips below which the test is exact."""


@dataclass(frozen=True, kw_only=True)
class ClassGain:
    """The accuracy of both networks on the clips of one class.

    Attributes:
        name: of the class.
        clips: their number.
        accuracy: of the network.
        against: of the one that it is compared with.
    """

    name: str
    clips: int
    accuracy: float
    against: float

    @property
    def gain(self) -> float:
        """The difference of the two, above 0 where the network is better."""
        return self.accuracy - self.against


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """What `compare_paired` finds.

    Attributes:
        clips: number of labelled clips.
        accuracy: top-1 of the network.
        against: top-1 of the one that it is compared with.
        difference: accuracy - against, with its paired bootstrap interval: both are right or wrong on the same resample
            of clips. It holds for the choice of clips, not for the seeds of training.
        p_value: McNemar's test (Psychometrika 1947): how often two equally good networks would differ on the clips that
            only one of them gets right at least as much.
        test: how the p-value is computed.
        provenances: of the two.
        only_here: paths of the clips that only the network gets right.
        only_there: paths of the clips that only the other gets right.
        gains: of the classes that have clips, the largest gain first.
    """

    clips: int
    accuracy: float
    against: float
    difference: Estimate
    p_value: float
    test: McNemarForm
    provenances: tuple[Provenance, Provenance]
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]
    gains: tuple[ClassGain, ...]

    @property
    def protocols(self) -> tuple[str, str]:
        """Of the two, in words."""
        here, there = self.provenances
        return here.protocol_words, there.protocol_words

    @property
    def differing(self) -> tuple[str, ...]:
        """Names of what differs in the two protocols; empty if they are the same."""
        return differing(*self.provenances)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the protocols in words, and what differs in them."""
        return {
            "clips": self.clips,
            "accuracy": self.accuracy,
            "against": self.against,
            "difference": asdict(self.difference),
            "p_value": self.p_value,
            "test": self.test,
            "protocols": self.protocols,
            "only_here": self.only_here,
            "only_there": self.only_there,
            "gains": [asdict(gain) for gain in self.gains],
            "differing": self.differing,
        }


def compare_paired(
    predictions: Predictions, against: Predictions, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> PairedComparison:
    """Compare the top-1 of two networks on the same labelled clips, which are matched by their paths.

    Args:
        predictions: of the network.
        against: of the one that it is compared with; the order of its clips and classes may be another.
        bootstrap: of the difference's interval.

    Raises:
        UserError: the two are not of the same clips, classes and labels, or no clip has a label.
    """
    here, there = predictions.measurable(), against.measurable()
    rows = _matching_rows(here, there)
    right = in_top_k(here.scores(), here.labels, 1)
    other = in_top_k(there.scores(), there.labels, 1)[rows]
    only_here, only_there = right & ~other, other & ~right
    p_value, test = mcnemar(int(only_here.sum()), int(only_there.sum()))
    gains = [
        ClassGain(
            name=here.classes[label],
            clips=int(clips.sum()),
            accuracy=float(right[clips].mean()),
            against=float(other[clips].mean()),
        )
        for label, clips in ((label, here.labels == label) for label in np.unique(here.labels))
    ]
    return PairedComparison(
        clips=len(here),
        accuracy=float(right.mean()),
        against=float(other.mean()),
        difference=estimate(
            lambda clips: float(right[clips].mean() - other[clips].mean()),
            len(here),
            bootstrap,
        ),
        p_value=p_value,
        test=test,
        provenances=(predictions.provenance, against.provenance),
        only_here=_paths(here, only_here),
        only_there=_paths(here, only_there),
        gains=tuple(sorted(gains, key=lambda gain: -gain.gain)),
    )


def mcnemar(first: int, second: int) -> tuple[float, McNemarForm]:
    """Return the two-sided p-value of McNemar's test, and how it was computed.

    Below `EXACT_BELOW` discordant clips it is that of the binomial distribution, above of chi-square with one degree of
    freedom and Edwards' continuity correction (Psychometrika 1948), which is 1 where both counts are equal.

    Args:
        first: clips that only the first network gets right.
        second: clips that only the second gets right.
    """
    discordant = first + second
    if discordant < EXACT_BELOW:
        tail = sum(math.comb(discordant, k) for k in range(min(first, second) + 1))
        return min(1.0, 2 * tail / 2**discordant), "exact binomial"
    statistic = max(0, abs(first - second) - 1) ** 2 / discordant
    return math.erfc(math.sqrt(statistic / 2)), "chi-square"


def _matching_rows(here: Predictions, there: Predictions) -> NDArray[np.int64]:
    """Return the row in `there` of each clip in `here`."""
    places = {path: row for row, path in enumerate(there.paths)}
    apart = sorted(set(here.paths) ^ set(there.paths))
    if apart:
        raise UserError(
            f"the two are not of the same clips: {len(apart)} are in one of them only, such as {apart[0]}; "
            "evaluate both on the same manifest and split"
        )
    if set(here.classes) != set(there.classes):
        name = sorted(set(here.classes) ^ set(there.classes))[0]
        raise UserError(f"the two are not of the same classes: {name!r} is in one of them only")
    rows = np.array([places[path] for path in here.paths], dtype=np.int64)
    for path, label, other in zip(here.paths, here.labels, there.labels[rows]):
        if here.classes[label] != there.classes[other]:
            raise UserError(
                f"{path} is {here.classes[label]!r} in one and {there.classes[other]!r} in the other; "
                "evaluate both with the same labels"
            )
    return rows


def _paths(predictions: Predictions, chosen: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(path for path, keep in zip(predictions.paths, chosen) if keep)
