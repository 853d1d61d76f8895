"""Metrics against torchmetrics, against definitions, and at their edges."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.metrics import (
    bootstrap_interval,
    class_balanced_mean,
    confusion_matrix,
    in_top_k,
    mean_class_accuracy,
    top_k_accuracy,
)
from tests.torchvision_oracle import import_torchvision


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    """The classification functions of torchmetrics, which imports torchvision where that is installed."""
    import_torchvision()
    return importlib.import_module("torchmetrics.functional.classification")


def random_case(seed: int, clips: int = 60, classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(clips, classes)), rng.integers(classes - 1, size=clips)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 2, 5, 7])
def test_top_k_is_torchmetrics(seed: int, k: int, oracle: ModuleType) -> None:
    scores, labels = random_case(seed)
    expected = oracle.multiclass_accuracy(
        torch.from_numpy(scores), torch.from_numpy(labels), num_classes=7, top_k=k, average="micro"
    )
    assert top_k_accuracy(scores, labels, k) == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_of_classes_and_the_confusion_matrix_are_torchmetrics(seed: int, oracle: ModuleType) -> None:
    scores, labels = random_case(seed)
    tensors = torch.from_numpy(scores), torch.from_numpy(labels)
    matrix = confusion_matrix(scores, labels)
    np.testing.assert_array_equal(matrix, oracle.multiclass_confusion_matrix(*tensors, num_classes=7).numpy())
    per_class = oracle.multiclass_accuracy(*tensors, num_classes=7, average="none").numpy()
    present = np.unique(labels)
    assert len(present) == 6, "one class has no clips and must not count as 0"
    assert mean_class_accuracy(scores, labels) == pytest.approx(per_class[present].mean(), abs=1e-6)
    assert matrix.trace() / matrix.sum() == pytest.approx(top_k_accuracy(scores, labels))


def test_more_than_all_classes_is_all_of_them() -> None:
    scores, labels = random_case(0, classes=3)
    assert top_k_accuracy(scores, labels, 5) == 1.0


def test_of_equal_scores_the_first_class_ranks_first() -> None:
    scores = np.zeros((3, 3))
    assert in_top_k(scores, np.array([0, 1, 2]), 1).tolist() == [True, False, False]
    assert in_top_k(scores, np.array([0, 1, 2]), 2).tolist() == [True, True, False]


@pytest.mark.parametrize("k", [1, 3, 9])
def test_what_is_not_a_number_is_never_right(k: int) -> None:
    scores = np.array([[np.nan] * 3, [np.nan, 1.0, 0.0]])
    assert in_top_k(scores, np.array([0, 1]), k).tolist() == [False, k > 1]


def test_the_order_of_clips_does_not_matter() -> None:
    scores, labels = random_case(4)
    order = np.random.default_rng(0).permutation(len(labels))
    assert mean_class_accuracy(scores, labels) == pytest.approx(mean_class_accuracy(scores[order], labels[order]))
    np.testing.assert_array_equal(confusion_matrix(scores, labels), confusion_matrix(scores[order], labels[order]))


def test_balance_gives_each_class_one_voice() -> None:
    values, labels = np.array([True] * 9 + [False]), np.array([3] * 9 + [5])
    assert class_balanced_mean(values, labels) == 0.5


def test_no_clips_is_not_zero() -> None:
    scores, labels = np.zeros((0, 3)), np.zeros(0, dtype=np.int64)
    assert np.isnan(top_k_accuracy(scores, labels))
    assert np.isnan(mean_class_accuracy(scores, labels))
    assert confusion_matrix(scores, labels).tolist() == [[0] * 3] * 3


@pytest.mark.parametrize(
    ("scores", "labels", "k", "words"),
    [
        (np.zeros((2, 3)), np.array([0]), 1, "must be"),
        (np.zeros((2, 3)), np.array([0, -1]), 1, "leave clips without a label out"),
        (np.zeros((2, 3)), np.array([0, 3]), 1, "0..2"),
        (np.zeros((2, 3)), np.array([0, 1]), 0, "k=0"),
    ],
)
def test_wrong_arrays_are_named(scores: np.ndarray, labels: np.ndarray, k: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        in_top_k(scores, labels, k)


def test_the_interval_is_that_of_the_binomial() -> None:
    # the bootstrap of a share is a binomial; with 400 clips the normal limit is within a third of a point
    values = np.arange(400) < 300
    low, high = bootstrap_interval(lambda rows: float(values[rows].mean()), 400, Bootstrap(resamples=4000))
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert low == pytest.approx(0.75 - half, abs=0.004)
    assert high == pytest.approx(0.75 + half, abs=0.004)


def test_the_interval_follows_from_its_seed() -> None:
    values = np.random.default_rng(0).normal(size=50)

    def interval(seed: int, level: float = 0.95) -> tuple[float, float]:
        bootstrap = Bootstrap(resamples=200, seed=seed, level=level)
        return bootstrap_interval(lambda rows: float(values[rows].mean()), 50, bootstrap)

    assert interval(1) == interval(1) != interval(2)
    assert interval(1)[0] < interval(1, level=0.5)[0] < interval(1, level=0.5)[1] < interval(1)[1]


def test_an_interval_of_no_clips_is_refused() -> None:
    with pytest.raises(ValueError, match="count=0"):
        bootstrap_interval(lambda rows: 0.0, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resamples": 0}, "resamples=0"),
        ({"seed": -1}, "seed=-1"),
        ({"level": 0.0}, "level=0.0"),
        ({"level": 1.0}, "level=1.0"),
        ({"level": float("nan")}, "level=nan"),
    ],
)
def test_an_impossible_bootstrap_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Bootstrap(**options)
