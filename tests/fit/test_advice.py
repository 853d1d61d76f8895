"""Advice names what was found: few clips, a network that still learns or knows its clips by heart, confused pairs."""

from typing import Any

import numpy as np

from recircle.evaluation.measure import measure
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import Provenance
from recircle.fit.advice import Found, advise
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling


def found(taken: list[int], *, loss: float = 0.5, sure: float = 3.0, **changes: Any) -> Found:
    """Return what is known where clips of the classes 0, 1, 2, 0, 1, ... are taken for others."""
    logits = sure * np.eye(3, dtype=np.float32)[taken][:, None]
    predictions = Predictions(
        logits=logits,
        labels=np.arange(len(taken)) % 3,
        paths=tuple(map(str, range(len(taken)))),
        classes=("a", "b", "c"),
        provenance=Provenance(protocol=Protocol(), sampling=Sampling(), preprocessing=Preprocessing(), order="as is"),
    )
    values: dict[str, Any] = {
        "clips": {"a": 50, "b": 50, "c": 50},
        "grouped": True,
        "journal": [{"kind": "val", "train_loss": 1.2}, {"kind": "train"}, {"kind": "val", "train_loss": loss}],
        "predictions": predictions,
        "metrics": measure(predictions),
        "shrunk": "",
    }
    return Found(**(values | changes))


RIGHT = [0, 1, 2] * 100


def test_nothing_is_wrong() -> None:
    assert advise(found(RIGHT, loss=0.3)) == []


def test_few_clips_come_first() -> None:
    first, *_ = advise(found([0] * 300, clips={"a": 5, "b": 9, "c": 50}))
    assert first.startswith("2 of 3 classes have fewer than 20 clips to learn from ('a': 5); more clips help most")
    first, *_ = advise(found(RIGHT, clips={"a": 5, "b": 9, "c": 19}))
    assert first.startswith("all classes have fewer than 20 clips")


def test_a_network_that_still_learns_is_told_from_one_that_knows_its_clips() -> None:
    (line,) = advise(found(RIGHT, loss=0.7))
    assert line.startswith("it is still learning: the loss is 0.70 in training")
    assert "1.10 of a guess" in line
    (line, *_) = advise(found([0, 1, 0] * 100, loss=0.05))
    assert line.startswith("it knows its own clips and errs on others: the loss is 0.05 in training, 1.09 on the clips")


def test_confused_pairs_small_views_few_clips_to_evaluate_on_and_groups_are_named() -> None:
    lines = advise(found([0, 1, 0] * 4, shrunk="64 x 88 px", grouped=False))
    assert [line.partition(" ")[0] for line in lines] == ["the", "'c'", "12", "no"]
    assert "brought to 64 x 88 px" in lines[0]
    assert lines[1].startswith("'c' is taken for 'a' in 4 of its 4 clips")
    assert "leave the accuracy open between" in lines[2]
    assert "column `group`" in lines[3]
