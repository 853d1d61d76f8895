"""The figures of a comparison."""

from pathlib import Path

import numpy as np
import pytest

from recircle.evaluation.predictions import Predictions
from recircle.recipes.comparison import in_family_accuracy, training_seconds
from recircle.run import Run
from recircle.training.journal import Journal

FAMILIES = {"push left": "push", "push right": "push", "pour": "pour", "spill": "pour"}


def predictions(logits: list[list[float]], labels: list[int], families: dict[str, str]) -> Predictions:
    return Predictions(
        logits=np.array(logits, dtype=np.float32)[:, None],
        labels=np.array(labels),
        paths=tuple(map(str, range(len(labels)))),
        classes=tuple(FAMILIES),
        families=families,
        protocol="",
    )


def test_inside_the_family_only_its_classes_compete() -> None:
    found = predictions(
        [
            [2, 1, 9, 0],  # pour is best, but of the pushes the right one
            [2, 1, 9, 0],  # the wrong push
            [9, 9, 1, 2],  # spill against pour
            [0, 0, 0, 9],  # no label
        ],
        [0, 1, 3, -1],
        FAMILIES,
    )
    estimate = in_family_accuracy(found, resamples=200)
    assert estimate.value == pytest.approx(2 / 3)
    assert 0 <= estimate.low <= 2 / 3 <= estimate.high <= 1


def test_a_class_without_a_family_has_no_rivals() -> None:
    found = predictions([[0, 0, -5, 9], [0, 0, 9, -5]], [2, 3], {})
    assert in_family_accuracy(found).value == 1.0


def test_training_seconds_add_up_over_the_steps(tmp_path: Path) -> None:
    run = Run.create(tmp_path)
    with Journal(run.metrics_path) as journal:
        for step, (clips, rate) in enumerate(((12, 6.0), (12, 4.0)), 1):
            journal.write("train", step=step, epoch=1, clips=clips, clips_per_s=rate)
        journal.write("val", step=2, epoch=1, clips=99, top1=0.5)
    assert training_seconds(run) == pytest.approx(2 + 3)
