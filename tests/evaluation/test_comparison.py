"""Paired comparison: p-values against enumeration, the interval against theory, and clips that must match."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from recircle.errors import UserError
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.comparison import EXACT_BELOW, compare_paired, mcnemar
from recircle.evaluation.metrics import in_top_k
from tests.evaluation.factories import predicted, random_predictions

CLASSES = ("a", "b", "c")
TRUE = ["a", "a", "a", "b", "b", "c"]
HERE = predicted(CLASSES, list(zip(TRUE, "aabbbc")))
THERE = predicted(CLASSES, list(zip(TRUE, "abbbca")))


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (3, 3), (7, 2), (0, 9), (10, 1)])
def test_the_exact_p_value_is_that_of_all_outcomes(first: int, second: int) -> None:
    total = first + second
    outcomes = [sum(outcome) for outcome in product((0, 1), repeat=total)]
    extreme = [abs(2 * wins - total) >= abs(first - second) for wins in outcomes]
    assert mcnemar(first, second) == (pytest.approx(np.mean(extreme)), "exact binomial")


@pytest.mark.parametrize(("first", "second"), [(20, 10), (30, 0), (200, 260), (12, 13)])
def test_the_other_is_the_tail_of_chi_square(first: int, second: int) -> None:
    p_value, test = mcnemar(first, second)
    statistic = (abs(first - second) - 1) ** 2 / (first + second)
    # the upper tail of chi-square with one degree of freedom is the regularised incomplete gamma function
    tail = torch.special.gammaincc(*torch.tensor([0.5, statistic / 2], dtype=torch.float64))
    assert test == "chi-square"
    assert p_value == pytest.approx(tail.item(), rel=1e-9)


def test_the_two_tests_meet() -> None:
    for first in range(EXACT_BELOW // 2):
        second = EXACT_BELOW - first
        exact = min(1.0, 2 * sum(np.exp(log_binomial(EXACT_BELOW, k)) for k in range(first + 1)) / 2**EXACT_BELOW)
        assert mcnemar(first, second)[0] == pytest.approx(exact, abs=0.015)
    assert mcnemar(20, 20) == (1.0, "chi-square")


def log_binomial(total: int, k: int) -> float:
    return float(np.log(np.arange(1, total + 1)).sum() - sum(np.log(np.arange(1, n + 1)).sum() for n in (k, total - k)))


def test_by_hand() -> None:
    comparison = compare_paired(HERE, THERE)
    assert (comparison.clips, comparison.accuracy, comparison.against) == (6, 5 / 6, 2 / 6)
    assert comparison.difference.value == pytest.approx(3 / 6)
    assert comparison.only_here == ("clip1.mp4", "clip4.mp4", "clip5.mp4")
    assert comparison.only_there == ()
    assert (comparison.p_value, comparison.test) == (pytest.approx(2 / 8), "exact binomial")
    assert [(gain.name, gain.clips) for gain in comparison.gains] == [("c", 1), ("b", 2), ("a", 3)]
    assert [gain.gain for gain in comparison.gains] == pytest.approx([1, 1 / 2, 1 / 3])
    assert comparison.protocols == (HERE.protocol, THERE.protocol)
    assert comparison.differing == ()


def test_the_other_way_round_is_the_negative() -> None:
    one, two = random_predictions(0), replace(random_predictions(1), labels=random_predictions(0).labels)
    forth, back = compare_paired(one, two), compare_paired(two, one)
    assert forth.difference.value == -back.difference.value
    assert forth.difference.low == pytest.approx(-back.difference.high)
    assert forth.p_value == back.p_value
    assert (forth.only_here, forth.only_there) == (back.only_there, back.only_here)
    assert [gain.gain for gain in forth.gains] == [-gain.gain for gain in back.gains[::-1]]
    total = sum(gain.clips * gain.gain for gain in forth.gains)
    assert total == pytest.approx(len(forth.only_here) - len(forth.only_there))


def test_a_network_does_not_differ_from_itself() -> None:
    comparison = compare_paired(HERE, HERE)
    assert (comparison.difference.low, comparison.difference.high, comparison.p_value) == (0, 0, 1)


def test_the_interval_is_that_of_paired_differences() -> None:
    one, two = random_predictions(0, 400), random_predictions(0, 400)
    noise = np.random.default_rng(1).normal(size=two.logits.shape).astype(np.float32)
    two = replace(two, logits=two.logits + noise)
    difference = compare_paired(one, two, bootstrap=Bootstrap(resamples=4000)).difference
    each = [in_top_k(part.scores(), part.labels, 1).astype(float) for part in (one, two)]
    half = 1.96 * (each[0] - each[1]).std() / 20
    assert difference.high - difference.low == pytest.approx(2 * half, rel=0.1)
    unpaired = 1.96 * np.sqrt(each[0].var() + each[1].var()) / 20
    assert half < 0.9 * unpaired, "clips that both find hard must not widen it"


def test_the_order_of_clips_and_classes_does_not_matter() -> None:
    clips, classes = np.array([5, 0, 3, 1, 4, 2]), np.array([2, 0, 1])
    mixed = replace(
        THERE,
        logits=THERE.logits[clips][:, :, classes],
        labels=np.argsort(classes)[THERE.labels[clips]],
        paths=tuple(THERE.paths[row] for row in clips),
        classes=tuple(THERE.classes[k] for k in classes),
    )
    assert compare_paired(HERE, mixed) == compare_paired(HERE, THERE)


def test_clips_without_a_label_do_not_count() -> None:
    labels = HERE.labels.copy()
    labels[1] = -1
    comparison = compare_paired(replace(HERE, labels=labels), replace(THERE, labels=labels))
    assert comparison.clips == 5
    assert comparison.only_here == ("clip4.mp4", "clip5.mp4")


def test_different_clips_classes_and_labels_are_user_errors() -> None:
    other_clips = replace(THERE, paths=(*THERE.paths[:-1], "new.mp4"))
    with pytest.raises(UserError, match=r"not of the same clips: 2 are in one of them only, such as clip5\.mp4"):
        compare_paired(HERE, other_clips)
    with pytest.raises(UserError, match="not of the same classes: 'c' is in one"):
        compare_paired(HERE, replace(THERE, classes=("a", "b", "d")))
    with pytest.raises(UserError, match=r"clip0\.mp4 is 'a' in one and 'b' in the other"):
        compare_paired(HERE, replace(THERE, labels=(THERE.labels + 1) % 3))
    with pytest.raises(UserError, match="nothing to measure"):
        compare_paired(HERE, replace(THERE, labels=np.full(6, -1)))
