"""A row of the table of metrics is measured, printed, saved and reported."""

import json
from pathlib import Path

import numpy as np
import pytest

from recircle.cli.main import main
from recircle.evaluation import table
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.measure import measure
from recircle.evaluation.metrics import in_top_k
from recircle.evaluation.table import METRICS, Metric
from tests.evaluation.factories import random_predictions


def test_a_row_is_all_that_a_metric_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    third = Metric(
        name="top3",
        title="top-3",
        right=lambda scores, labels, _: in_top_k(scores, labels, 3),
        chance=lambda _, groups: 3 / len(groups),
    )
    monkeypatch.setattr(table, "METRICS", (*METRICS, third))
    predictions = random_predictions(0)
    predictions.save(tmp_path / "some.npz")
    expected = float(in_top_k(predictions.scores(), predictions.labels, 3).mean())
    assert measure(predictions, bootstrap=Bootstrap(resamples=10)).figures["top3"].estimate.value == expected
    assert main(["eval", "--from", str(tmp_path / "some.npz"), "--resamples", "10"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("top-3"))
    assert f" {100 * expected:.1f} " in line
    assert " 50.0 " in line
    assert main(["eval", "--from", str(tmp_path / "some.npz"), "--resamples", "10", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["top3"]["value"] == expected


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_chance_is_what_a_guess_reaches(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(6, size=20_000)
    groups = np.array([0, 0, 0, 1, 1, 2]) if metric.of == "level" else np.arange(6)
    right = metric.right(rng.normal(size=(len(labels), 6)), labels, groups)
    assert right.mean() == pytest.approx(metric.chance(labels, groups), abs=0.02)
