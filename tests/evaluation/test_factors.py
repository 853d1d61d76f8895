"""The factors of dives: parsed from the vocabulary, each right or wrong by itself."""

from pathlib import Path

import numpy as np
import pytest

from recircle.errors import UserError
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.factors import FACTORS, dive_factors, measure_factors
from tests.evaluation.factories import predicted

DIVES = (
    "Back+15som+05Twis+FREE",
    "Back+15som+15Twis+FREE",
    "Back+Dive+NoTwis+PIKE",
    "Forward+15som+1Twis+FREE",
    "Forward+Dive+NoTwis+STR",
)


def test_the_whole_vocabulary_is_dives(shared_data: Path) -> None:
    classes = (shared_data / "annotations" / "diving48" / "vocab_48.txt").read_text().split()
    factors = dive_factors(classes)
    assert factors is not None
    assert factors.shape == (4, 48)
    # 4 take-offs, "Dive" and 1 to 4.5 somersaults, none and 0.5 to 3.5 twists, 4 positions
    assert [len(np.unique(row)) for row in factors] == [4, 8, 8, 4]
    assert len(np.unique(factors, axis=1).T) == 48, "the factors say which class it is"


def test_each_factor_by_hand() -> None:
    pairs = [
        (DIVES[0], DIVES[0]),
        (DIVES[0], DIVES[1]),  # the twist alone
        (DIVES[0], DIVES[1]),
        (DIVES[2], DIVES[4]),  # take-off and position
        (DIVES[1], DIVES[3]),  # take-off and twist
    ]
    parts = {part.factor: part for part in measure_factors(predicted(DIVES, pairs), bootstrap=Bootstrap(resamples=10))}
    assert tuple(parts) == FACTORS
    assert {name: part.accuracy.value for name, part in parts.items()} == {
        "take-off": 3 / 5,
        "somersault": 1,
        "twist": 2 / 5,
        "position": 4 / 5,
    }
    assert [parts[name].mistakes for name in FACTORS] == [2, 0, 3, 1]
    assert [parts[name].alone for name in FACTORS] == [0, 0, 2, 0]
    assert [parts[name].values for name in FACTORS] == [2, 2, 4, 3]
    assert parts["take-off"].chance == pytest.approx(3 / 5)
    assert parts["twist"].chance == pytest.approx((4 * 1 / 5 + 2 / 5) / 5)


@pytest.mark.parametrize("classes", [(), ("Back+15som+05Twis",), (*DIVES, "pushing"), ("back+15som+05Twis+FREE",)])
def test_other_names_are_no_dives(classes: tuple[str, ...]) -> None:
    assert dive_factors(classes) is None


def test_asked_for_of_other_classes_they_are_a_user_error() -> None:
    with pytest.raises(UserError, match="class 'pushing' is not named as the dives"):
        measure_factors(predicted((*DIVES, "pushing"), [(DIVES[0], "pushing")]))
