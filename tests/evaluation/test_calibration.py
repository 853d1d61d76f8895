"""Calibration against torchmetrics, against torch, and against networks whose calibration is known."""

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from recircle.errors import UserError
from recircle.evaluation.calibration import (
    Calibration,
    calibrate,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability_curve,
)
from recircle.evaluation.predictions import Predictions, fuse, log_probabilities
from recircle.run import Run
from tests.evaluation.factories import random_predictions
from tests.torchvision_oracle import import_torchvision


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    """The classification functions of torchmetrics, which imports torchvision where that is installed."""
    import_torchvision()
    return importlib.import_module("torchmetrics.functional.classification")


def honest(clips: int, scale: float = 1.0, seed: int = 0) -> Predictions:
    """Return predictions whose labels are drawn from their own softmax, with the logits scaled afterwards."""
    predictions = random_predictions(seed, clips)
    rng = np.random.default_rng(seed)
    labels = np.array([rng.choice(6, p=row) for row in predictions.scores()])
    return replace(predictions, labels=labels, logits=predictions.logits * np.float32(scale))


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_torchmetrics(seed: int, bins: int, oracle: ModuleType) -> None:
    predictions = random_predictions(seed)
    scores, labels = predictions.scores(), predictions.labels
    expected = oracle.multiclass_calibration_error(
        torch.from_numpy(scores), torch.from_numpy(labels), num_classes=6, n_bins=bins, norm="l1"
    )
    assert expected_calibration_error(scores, labels, bins) == pytest.approx(expected.item(), abs=1e-6)


def test_the_curve_by_hand() -> None:
    scores = np.array([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    curve = reliability_curve(scores, np.array([0, 1, 0, 0]), bins=4)
    assert [(part.low, part.high, part.clips) for part in curve] == [
        (0, 0.25, 0),
        (0.25, 0.5, 0),
        (0.5, 0.75, 2),
        (0.75, 1, 2),
    ]
    assert curve[0].confidence is curve[0].accuracy is None
    assert (curve[2].confidence, curve[2].accuracy) == (pytest.approx(0.6), 1)
    assert (curve[3].confidence, curve[3].accuracy) == (pytest.approx(0.95), 0.5)
    assert expected_calibration_error(scores, np.array([0, 1, 0, 0]), bins=4) == pytest.approx((0.4 + 0.45) / 2)


def test_a_sure_network_that_is_right_has_no_error_and_one_that_is_wrong_all_of_it() -> None:
    sure = np.eye(3)
    assert expected_calibration_error(sure, np.arange(3)) == 0
    assert expected_calibration_error(sure, np.array([1, 2, 0])) == 1
    assert np.isnan(expected_calibration_error(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)))


def test_what_is_no_probability_is_refused() -> None:
    for scores in (np.full((1, 2), np.nan), np.array([[3.0, -1.0]])):
        with pytest.raises(ValueError, match="must be probabilities"):
            reliability_curve(scores, np.array([0]))
    with pytest.raises(ValueError, match="bins=0"):
        reliability_curve(np.eye(2), np.arange(2), bins=0)


@pytest.mark.parametrize("fusion", ["softmax", "logits"])
def test_the_likelihood_is_torchs_of_divided_logits(fusion: str) -> None:
    predictions = replace(random_predictions(1, views=3), fusion=fusion)  # pyright: ignore[reportArgumentType]
    logits = torch.from_numpy(predictions.logits).double() / 2.5
    fused = logits.mean(1).softmax(-1) if fusion == "logits" else logits.softmax(-1).mean(1)
    np.testing.assert_allclose(predictions.scores(2.5), fused.numpy(), rtol=1e-12)
    expected = torch.nn.functional.nll_loss(fused.log(), torch.from_numpy(predictions.labels))
    assert negative_log_likelihood(predictions, 2.5) == pytest.approx(expected.item(), rel=1e-12)


def test_logarithms_stay_finite_where_probabilities_are_too_small() -> None:
    logits = np.array([[[0.0, 5000.0], [0.0, 4000.0]]])
    assert fuse(logits)[0, 0] == 0
    assert log_probabilities(logits)[0, 0] == pytest.approx(-4000 - np.log(2))


def test_a_temperature_changes_no_order_of_a_single_view() -> None:
    predictions = random_predictions(2)
    np.testing.assert_array_equal(predictions.scores(7).argsort(1), predictions.scores().argsort(1))


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_a_scale(scale: float) -> None:
    # the error of the estimate over 4000 clips is about 2 %
    assert fit_temperature(honest(4000, scale)) == pytest.approx(scale, rel=0.06)


@pytest.mark.parametrize(("views", "fusion"), [(1, "softmax"), (3, "softmax"), (3, "logits")])
def test_no_temperature_of_a_grid_is_better(views: int, fusion: str) -> None:
    predictions = replace(random_predictions(3, views=views, scale=5.0), fusion=fusion)  # pyright: ignore
    best = negative_log_likelihood(predictions, fit_temperature(predictions))
    for temperature in np.geomspace(0.05, 20, 60):
        assert best <= negative_log_likelihood(predictions, temperature) + 1e-6


def test_calibration_helps_the_clips_it_was_not_fitted_on() -> None:
    predictions = honest(2000, 3.0)
    calibration = calibrate(predictions)
    assert (calibration.fitted_on, calibration.tried_on) == (1000, 1000)
    assert calibration.temperature == pytest.approx(3, rel=0.1)
    assert calibration.ece_after < 0.05 < 0.15 < calibration.ece_before
    assert calibration.nll_after < calibration.nll_before
    assert calibration.protocol == predictions.protocol


def test_the_two_parts_are_different_clips_and_follow_from_the_seed() -> None:
    predictions = honest(101)
    first = calibrate(predictions, seed=1)
    assert first.fitted_on + first.tried_on == 101
    assert first == calibrate(predictions, seed=1) != calibrate(predictions, seed=2)
    # what the clips to try say must not reach the fit
    rest = np.random.default_rng(1).permutation(101)[51:]
    labels = predictions.labels.copy()
    labels[rest] = (labels[rest] + 1) % 6
    other = calibrate(replace(predictions, labels=labels), seed=1)
    assert other.temperature == first.temperature
    assert other.nll_before != first.nll_before


def test_a_temperature_at_the_end_of_the_range_is_warned_of() -> None:
    predictions = random_predictions(0, 20)
    right = replace(predictions, labels=predictions.scores().argmax(1))
    with pytest.warns(UserWarning, match="at an end of the range"):
        assert calibrate(right).temperature < 0.06


def test_it_is_saved_with_the_run(tmp_path: Path) -> None:
    calibration = calibrate(honest(50))
    calibration.save(Run(tmp_path).calibration_path)
    assert Calibration.load(tmp_path / "calibration.json") == calibration
    (tmp_path / "calibration.json").write_text('{"temperature": 0.0}')
    with pytest.raises(UserError, match=r"calibration\.json"):
        Calibration.load(tmp_path / "calibration.json")


def test_what_cannot_be_calibrated_is_a_user_error() -> None:
    with pytest.raises(UserError, match="two labelled clips or more"):
        calibrate(honest(1))
    with pytest.raises(UserError, match="nothing to measure"):
        calibrate(replace(honest(3), labels=np.full(3, -1)))
    diverged = honest(4)
    diverged.logits[2, 0, 1] = np.nan
    with pytest.raises(UserError, match="diverged"):
        calibrate(diverged)
