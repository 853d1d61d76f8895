"""The row "8+16": two runs averaged."""

from pathlib import Path

import numpy as np
import pytest

from recircle.errors import UserError
from recircle.evaluation.average import average_predictions
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.measure import measure
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.provenance import differing
from recircle.views.sampling import Sampling
from tests.evaluation.factories import provenance


def write(path: Path, seed: int, *, views: int = 1, names: str = "abcde") -> Predictions:
    rng = np.random.default_rng(seed)
    predictions = Predictions(
        logits=rng.normal(size=(len(names), views, 4)).astype(np.float32),
        labels=np.array([0, 1, 2, 3, -1])[: len(names)],
        paths=tuple(names),
        classes=("w", "x", "y", "z"),
        provenance=provenance(sampling=Sampling(frames=8 + 8 * seed)),
    )
    predictions.save(path)
    return predictions


def test_the_scores_are_the_mean_of_the_runs_scores(tmp_path: Path) -> None:
    eight, sixteen = write(tmp_path / "8.npz", 0), write(tmp_path / "16.npz", 1)
    both = average_predictions([tmp_path / "8.npz", tmp_path / "16.npz"])
    np.testing.assert_allclose(both.scores(), (eight.scores() + sixteen.scores()) / 2, rtol=1e-12)
    assert both.protocol == f"{eight.protocol} + {sixteen.protocol}"
    both.save(tmp_path / "both.npz")
    metrics = measure(Predictions.load(tmp_path / "both.npz"), bootstrap=Bootstrap(resamples=10))
    assert (metrics.clips, metrics.protocol) == (4, both.protocol)
    assert differing(metrics.provenance, both.provenance) == ()
    assert differing(metrics.provenance, eight.provenance) == ("number of networks averaged",)


def test_averages_can_be_averaged(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1.npz", 0), write(tmp_path / "2.npz", 1)
    average_predictions([tmp_path / "1.npz", tmp_path / "2.npz"]).save(tmp_path / "both.npz")
    twice = average_predictions([tmp_path / "both.npz", tmp_path / "both.npz"])
    assert twice.provenance.networks == (one.provenance, two.provenance) * 2
    assert twice.protocol == " + ".join([one.protocol, two.protocol] * 2)


@pytest.mark.parametrize("other", [{"views": 2}, {"names": "abcd"}, {"names": "abdce"}])
def test_runs_on_other_clips_or_views_are_refused(tmp_path: Path, other: dict) -> None:
    write(tmp_path / "8.npz", 0)
    write(tmp_path / "16.npz", 1, **other)
    with pytest.raises(UserError, match=r"16\.npz and .*8\.npz are not of the same clips"):
        average_predictions([tmp_path / "8.npz", tmp_path / "16.npz"])
