"""Dives by their parts: Diving48's classes are combinations of take-off, somersault, twist and position."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recircle.errors import UserError
from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.estimate import Estimate, share_of_clips
from recircle.evaluation.metrics import chance_of_group, right_group
from recircle.evaluation.predictions import Predictions

FACTORS = ("take-off", "somersault", "twist", "position")
_DIVE = re.compile(r"(Back|Forward|Inward|Reverse)\+(\d+som|Dive)\+(\d+Twis|NoTwis)\+(FREE|PIKE|STR|TUCK)")


@dataclass(frozen=True, kw_only=True)
class FactorAccuracy:
    """How well one part of a dive is recognised.

    Attributes:
        factor: its name, such as "twist".
        values: how many values it takes among the classes.
        accuracy: share of the clips whose predicted class has the true value.
        chance: the same of a class that is guessed.
        mistakes: clips whose predicted class has another value.
        alone: those among them whose predicted class differs from the true one in nothing else.
    """

    factor: str
    values: int
    accuracy: Estimate
    chance: float
    mistakes: int
    alone: int


def dive_factors(classes: Sequence[str]) -> NDArray[np.int64] | None:
    """Return the number of each class's value of each factor, int64 [4, K]; None unless all classes name dives.

    A dive is named as in the vocabulary of Diving48 (Li et al., "RESOUND", ECCV 2018), its parts joined by "+":
    "Back+15som+05Twis+FREE" is backward, one and a half somersaults, half a twist, free position.
    """
    parts = [_DIVE.fullmatch(name) for name in classes]
    if not parts or not all(parts):
        return None
    columns = zip(*(part.groups() for part in parts if part))
    return np.array([np.unique(column, return_inverse=True)[1] for column in columns], dtype=np.int64)


def measure_factors(predictions: Predictions, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> tuple[FactorAccuracy, ...]:
    """Return how well each factor of the labelled clips is recognised, and which of them the mistakes are about.

    Raises:
        UserError: a class is not a dive, or no clip has a label.
    """
    known = predictions.measurable()
    factors = dive_factors(known.classes)
    if factors is None:
        strange = next((name for name in known.classes if not _DIVE.fullmatch(name)), "")
        raise UserError(f"class {strange!r} is not named as the dives of Diving48 are, such as Back+15som+05Twis+FREE")
    scores, labels = known.scores(), known.labels
    right = np.array([right_group(scores, labels, values) for values in factors])
    alone = ~right & ((~right).sum(0) == 1)
    return tuple(
        FactorAccuracy(
            factor=name,
            values=len(np.unique(values)),
            accuracy=share_of_clips(right[row], bootstrap),
            chance=chance_of_group(labels, values),
            mistakes=int((~right[row]).sum()),
            alone=int(alone[row].sum()),
        )
        for row, (name, values) in enumerate(zip(FACTORS, factors))
    )
