"""The row "8+16": two runs averaged."""

from pathlib import Path

import numpy as np
import pytest

from recircle.errors import UserError
from recircle.evaluation.average import average_predictions
from recircle.evaluation.measure import measure
from recircle.evaluation.predictions import Predictions


def write(path: Path, seed: int, *, views: int = 1, names: str = "abcde") -> Predictions:
    rng = np.random.default_rng(seed)
    predictions = Predictions(
        logits=rng.normal(size=(len(names), views, 4)).astype(np.float32),
        labels=np.array([0, 1, 2, 3, -1])[: len(names)],
        paths=tuple(names),
        classes=("w", "x", "y", "z"),
        protocol=f"run {seed}",
    )
    predictions.save(path)
    return predictions


def test_the_scores_are_the_mean_of_the_runs_scores(tmp_path: Path) -> None:
    eight, sixteen = write(tmp_path / "8.npz", 0), write(tmp_path / "16.npz", 1)
    both = average_predictions([tmp_path / "8.npz", tmp_path / "16.npz"])
    np.testing.assert_allclose(both.scores(), (eight.scores() + sixteen.scores()) / 2, rtol=1e-12)
    assert both.protocol == "run 0 + run 1"
    both.save(tmp_path / "both.npz")
    assert measure(Predictions.load(tmp_path / "both.npz"), resamples=10).clips == 4


@pytest.mark.parametrize("other", [{"views": 2}, {"names": "abcd"}, {"names": "abdce"}])
def test_runs_on_other_clips_or_views_are_refused(tmp_path: Path, other: dict) -> None:
    write(tmp_path / "8.npz", 0)
    write(tmp_path / "16.npz", 1, **other)
    with pytest.raises(UserError, match=r"16\.npz and .*8\.npz are not of the same clips"):
        average_predictions([tmp_path / "8.npz", tmp_path / "16.npz"])
