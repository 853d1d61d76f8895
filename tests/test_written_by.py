"""A file of a newer version says so where it cannot be read; any other keeps its own error."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recircle import __version__
from recircle.config import to_stamped_json
from recircle.errors import UserError
from recircle.evaluation.calibration import Calibration
from recircle.evaluation.predictions import FORMAT, Predictions
from recircle.evaluation.protocol import Protocol
from recircle.run import Run
from recircle.written_by import upgrade_needed
from tests.evaluation.factories import provenance
from tests.small_run import write_run

NEWER = r"was written by recircle 9\.9, and this is .*: upgrade recircle to read it"


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        (__version__, False),
        (f"{__version__}.0", False),
        (f"{__version__}rc1", False),
        ("0.0.9", False),
        ("0.1.10", True),
        ("0.10", True),
        ("1", True),
        ("9.9.dev1", True),
        ("unknown", False),
        ("", False),
        (None, False),
        (3, False),
    ],
)
def test_numbers_are_compared_as_numbers(version: object, newer: bool) -> None:
    assert (upgrade_needed("file", version) is not None) is newer


def changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = write_run(tmp_path / "run")
    run.config_path.write_text(json.dumps({"recircle": __version__, "evaluation": {}}))
    Calibration(
        temperature=1.5,
        fitted_on=1,
        tried_on=1,
        nll_before=1,
        nll_after=1,
        ece_before=0,
        ece_after=0,
        bins=15,
        seed=0,
        provenance=provenance(),
    ).save(run.calibration_path)
    return run


READERS: dict[str, Callable[[Run], object]] = {
    "model.json": Run.load_spec,
    "config.json": lambda run: run.load_config(Protocol, "evaluation"),
    "calibration.json": lambda run: Calibration.load(run.calibration_path),
}


@pytest.mark.parametrize("name", READERS)
def test_an_unknown_field_is_explained_by_the_version(name: str, run: Run) -> None:
    read, path = READERS[name], run.path / name
    read(run)
    assert json.loads(path.read_text())["recircle"] == __version__
    field = {"evaluation": {"zoom": 2}} if name == "config.json" else {"zoom": 2}
    changed(path, **field)
    with pytest.raises(UserError, match=r"has no field zoom; remove or rename it$"):
        read(run)
    changed(path, recircle="9.9")
    with pytest.raises(UserError, match=rf"{name}.* {NEWER} \(.*no field zoom"):
        read(run)


def test_what_can_be_read_of_a_newer_version_is_read(run: Run) -> None:
    for name in READERS:
        changed(run.path / name, recircle="9.9")
        READERS[name](run)
    run.load_model()


def test_a_network_that_this_version_lacks_is_explained(run: Run) -> None:
    content = json.loads(run.spec_path.read_text())
    changed(run.spec_path, model=content["model"] | {"name": "arc_of_tomorrow"})
    with pytest.raises(UserError) as today:
        run.load_model()
    assert "upgrade" not in str(today.value)
    changed(run.spec_path, recircle="9.9")
    with pytest.raises(UserError, match=rf"model\.json {NEWER} \(.*arc_of_tomorrow"):
        run.load_model()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"format": FORMAT + " and more"}, "is not in the format"),
        ({"zoom": 2}, "holds no predictions: .*zoom"),
        ({"paths": 3}, "holds no predictions: "),
    ],
)
def test_predictions_of_a_newer_version(words: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    predictions = Predictions(
        logits=np.zeros((1, 1, 2), np.float32),
        labels=np.zeros(1, np.int64),
        paths=("a",),
        classes=("x", "y"),
        families={},
        provenance=provenance(),
        fusion="softmax",
    )
    predictions.save(path)
    with np.load(path) as arrays:
        held = dict(arrays)
    content = json.loads(held["words"].tobytes())
    assert content["recircle"] == __version__
    for version, expected in ((__version__, told), ("9.9", NEWER)):
        text = json.dumps(content | words | {"recircle": version}).encode()
        np.savez(path, logits=held["logits"], labels=held["labels"], words=np.frombuffer(text, np.uint8))
        with pytest.raises(UserError, match=expected):
            Predictions.load(path)


def test_the_version_comes_first_and_changes_nothing_else() -> None:
    content = json.loads(to_stamped_json(Protocol()))
    assert next(iter(content)) == "recircle"
