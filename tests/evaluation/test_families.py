"""Accuracy by level, inside families and severity: by hand, by an oracle of loops, and by invariances."""

from dataclasses import replace

import numpy as np
import pytest

from recircle.errors import UserError
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.families import measure_families, mistake_heights
from recircle.evaluation.hierarchy import Hierarchy
from recircle.evaluation.metrics import chance_inside, chance_of_group, in_top_k, right_group, right_inside
from tests.evaluation.factories import predicted, random_predictions

CLASSES = ("pour in", "pour out", "push left", "push right", "wave")
FAMILIES = {"pour in": "pour", "pour out": "pour", "push left": "push", "push right": "push"}
PAIRS = [
    ("pour in", "pour in"),
    ("pour in", "pour out"),  # a sibling
    ("pour in", "pour out"),
    ("pour out", "push left"),  # another family; among siblings "pour in" and "pour out" tie, and the first is taken
    ("push left", "pour out"),  # another family; "push left" scores second and is best inside
    ("push right", "push right"),
    ("wave", "push right"),  # alone in its family
    ("wave", "wave"),
]


def test_by_hand() -> None:
    families = measure_families(predicted(CLASSES, PAIRS, FAMILIES))
    (family,) = families.levels
    assert (family.level, family.groups) == ("family", 3)
    assert family.accuracy.value == 5 / 8
    assert family.inside.value == 5 / 8
    assert family.chance == pytest.approx((6 * 2 / 5 + 2 * 1 / 5) / 8)
    assert family.inside_chance == pytest.approx((6 * 1 / 2 + 2) / 8)
    assert families.mistakes == (2, 3)
    assert families.severity == pytest.approx((2 * 1 + 3 * 2) / 5)
    (pair,) = families.siblings
    assert (pair.true, pair.predicted, pair.clips, pair.rate) == ("pour in", "pour out", 2, 2 / 3)
    assert [(pair.true, pair.predicted, pair.clips, pair.rate) for pair in families.across] == [
        ("pour out", "push left", 1, 1.0),
        ("push left", "pour out", 1, 1.0),
        ("wave", "push right", 1, 0.5),
    ]


def test_a_second_level_is_one_step_farther() -> None:
    hierarchy = Hierarchy.from_names(
        CLASSES, {"family": ["pour", "pour", "push", "push", "wave"], "kind": ["hand"] * 4 + ["body"]}
    )
    families = measure_families(predicted(CLASSES, PAIRS), hierarchy)
    assert [level.level for level in families.levels] == ["family", "kind"]
    assert families.levels[1].accuracy.value == 7 / 8
    assert families.mistakes == (2, 2, 1)
    assert families.severity == pytest.approx((2 * 1 + 2 * 2 + 3) / 5)


@pytest.mark.parametrize("seed", range(3))
def test_a_loop_finds_the_same(seed: int) -> None:
    predictions = random_predictions(seed)
    scores, labels = predictions.scores(), predictions.labels
    groups = np.array([[0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 1]])
    heights, right, best = [], [], []
    for row, label in zip(scores, labels):
        guess = int(row.argmax())
        right.append(groups[0][guess] == groups[0][label])
        siblings = [k for k in range(6) if groups[0][k] == groups[0][label]]
        best.append(max(siblings, key=lambda k: row[k]) == label)
        shared = [level for level in range(2) if groups[level][guess] == groups[level][label]]
        heights.append(0 if guess == label else 1 + (shared[0] if shared else 2))
    assert mistake_heights(scores, labels, groups).tolist() == heights
    assert right_group(scores, labels, groups[0]).tolist() == right
    assert right_inside(scores, labels, groups[0]).tolist() == best


def test_the_two_trivial_hierarchies_are_no_news() -> None:
    predictions = random_predictions(3)
    scores, labels = predictions.scores(), predictions.labels
    right = in_top_k(scores, labels, 1)
    one, each = np.zeros(6, dtype=np.int64), np.arange(6)
    assert right_group(scores, labels, one).all()
    assert right_inside(scores, labels, each).all()
    np.testing.assert_array_equal(right_group(scores, labels, each), right)
    np.testing.assert_array_equal(right_inside(scores, labels, one), right)
    assert chance_of_group(labels, one) == chance_inside(labels, each) == 1
    assert chance_of_group(labels, each) == pytest.approx(1 / 6) == chance_inside(labels, one)


def test_right_is_right_in_the_group_and_inside_it_and_coarser_is_easier() -> None:
    predictions = random_predictions(4)
    scores, labels = predictions.scores(), predictions.labels
    fine, coarse = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 0, 1, 1])
    right = in_top_k(scores, labels, 1)
    np.testing.assert_array_equal(right, right_group(scores, labels, fine) & right_inside(scores, labels, fine))
    assert (right_group(scores, labels, coarse) >= right_group(scores, labels, fine)).all()
    assert (right_inside(scores, labels, fine) >= right_inside(scores, labels, coarse)).all()


def test_the_order_of_clips_and_classes_does_not_matter() -> None:
    predictions = random_predictions(5)
    families = {"a": "x", "b": "x", "c": "y", "d": "y"}
    before = measure_families(replace(predictions, families=families), bootstrap=Bootstrap(resamples=2))
    clips, classes = np.random.default_rng(0).permutation(80), np.random.default_rng(1).permutation(6)
    mixed = replace(
        predictions,
        logits=predictions.logits[clips][:, :, classes],
        labels=np.argsort(classes)[predictions.labels[clips]],
        classes=tuple(predictions.classes[k] for k in classes),
        families=families,
    )
    after = measure_families(mixed, bootstrap=Bootstrap(resamples=2))
    assert after.mistakes == before.mistakes
    assert after.severity == before.severity
    for a, b in zip(after.levels, before.levels):
        assert (a.accuracy.value, a.inside.value) == (b.accuracy.value, b.inside.value)
        assert (a.chance, a.inside_chance) == pytest.approx((b.chance, b.inside_chance))


def test_what_is_not_a_number_is_never_right_and_farthest() -> None:
    scores, labels = np.array([[np.nan, np.nan, np.nan], [0.2, 0.5, 0.3]]), np.array([0, 1])
    groups = np.array([[0, 0, 1]])
    assert right_group(scores, labels, groups[0]).tolist() == [False, True]
    assert right_inside(scores, labels, groups[0]).tolist() == [False, True]
    assert mistake_heights(scores, labels, groups).tolist() == [2, 0]


def test_no_mistakes_have_no_severity() -> None:
    families = measure_families(predicted(CLASSES, [(name, name) for name in CLASSES], FAMILIES))
    assert families.severity is None
    assert families.mistakes == (0, 0)
    assert families.siblings == families.across == ()


def test_predictions_without_families_are_a_user_error() -> None:
    with pytest.raises(UserError, match=r"have no families; .*--hierarchy"):
        measure_families(predicted(CLASSES, PAIRS))


def test_a_hierarchy_of_other_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="are not those of the predictions"):
        measure_families(predicted(CLASSES, PAIRS), Hierarchy.from_names(("a", "b"), {"family": "xx"}))
