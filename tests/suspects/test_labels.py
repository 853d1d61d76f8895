"""Confident learning, by the paper's definitions and on labels that are wrong on purpose."""

import numpy as np
import pytest

from recircle.suspects.labels import doubt_labels


def noisy(
    seed: int, count: int = 600, classes: int = 4, share: float = 0.1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of a good network, given labels, and which of them were flipped."""
    rng = np.random.default_rng(seed)
    true = rng.integers(classes, size=count)
    logits = rng.normal(size=(count, classes)) + 4 * np.eye(classes)[true]
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    flipped = rng.random(count) < share
    labels = np.where(flipped, (true + rng.integers(1, classes, size=count)) % classes, true)
    return scores, labels, flipped


@pytest.mark.parametrize("seed", range(3))
def test_flipped_labels_come_first(seed: int) -> None:
    scores, labels, flipped = noisy(seed)
    found = doubt_labels(scores, labels)
    first = found.order[: flipped.sum()]
    assert flipped[first].mean() > 0.85
    assert found.estimated == pytest.approx(flipped.sum(), rel=0.25)
    assert flipped[found.suspected].mean() > 0.8


def test_right_labels_are_hardly_suspected() -> None:
    scores, labels, _ = noisy(0, share=0.0)
    assert doubt_labels(scores, labels).suspected.mean() < 0.03


def test_the_definitions() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0], [0.7, 0.2, 0.1]])
    labels = np.array([0, 0, 1, 1])
    found = doubt_labels(scores, labels)
    # thresholds are 0.75 of class 0, 0.5 of class 1; class 2 has none
    assert found.suspected.tolist() == [False, False, False, False]
    np.testing.assert_allclose(found.margin, [0.8, 0.2, 0.6, -0.5])
    assert found.likely.tolist() == [1, 1, 0, 0]
    scores[3] = [0.8, 0.1, 0.1]
    again = doubt_labels(scores, labels)
    assert again.suspected.tolist() == [False, False, False, True]
    assert again.order.tolist() == [3, 1, 2, 0]
    # of the two clips labelled 1 both count, one for class 0
    assert again.estimated == 1


def test_classes_in_another_order_give_the_same() -> None:
    scores, labels, _ = noisy(1)
    order = np.array([2, 0, 3, 1])
    found, again = doubt_labels(scores, labels), doubt_labels(scores[:, order], np.argsort(order)[labels])
    np.testing.assert_array_equal(found.suspected, again.suspected)
    np.testing.assert_array_equal(found.order, again.order)


def test_nothing_to_doubt() -> None:
    with pytest.raises(ValueError, match="one clip and two classes"):
        doubt_labels(np.zeros((0, 3)), np.zeros(0, np.int64))
