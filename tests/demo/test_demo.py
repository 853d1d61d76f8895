"""The demo from nothing to recognised clips, with the smallest data and one epoch."""

import json
from pathlib import Path

import numpy as np
import pytest

from recircle import Recognizer
from recircle.demo.run import run_demo
from recircle.errors import UserError
from recircle.evaluation.families import measure_families
from recircle.evaluation.predictions import Predictions
from recircle.manifest.manifest import Manifest
from recircle.run import Run


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo."""
    output = tmp_path_factory.mktemp("runs") / "demo"
    run_demo(output, size="tiny", epochs=1)
    return output


def test_the_output_is_the_run_of_arc_tsm(demo: Path) -> None:
    recognizer = Recognizer.load(demo)
    manifest = Manifest.read(demo.parent / "demo_data" / "fresh" / "manifest.csv")
    best = recognizer(manifest.path(manifest.clips[0])).top(3)
    assert {label for label, _ in best} <= set(manifest.labels)
    assert Run(demo).load_model().name == "arc_tsm_resnet18"


def test_the_three_networks_are_trained_alike(demo: Path) -> None:
    configs = [
        json.loads((demo.with_name(demo.name + suffix) / "config.json").read_text())
        for suffix in ("", "_tsm", "_single_frame")
    ]
    names = [config["model"].pop("name") for config in configs]
    assert names == ["arc_tsm_resnet18", "tsm_resnet18", "tsn_resnet18"]
    assert [config["data"]["sampling"].pop("frames") for config in configs] == [8, 8, 1]
    for config in configs:
        config.pop("output")
    assert configs[0] == configs[1] == configs[2]


def test_the_table_holds_what_the_saved_predictions_say(demo: Path) -> None:
    table = json.loads((demo / "comparison.json").read_text())
    assert (table["clips"], table["classes"]) == (24, 24)
    assert table["chance"] == pytest.approx(1 / 24)
    assert table["inside_chance"] == pytest.approx(1 / 4)
    assert [entry["name"] for entry in table["entries"]] == ["single frame", "TSM", "ARC-TSM"]
    for entry in table["entries"]:
        predictions = Predictions.load(Path(entry["run"]) / "predictions" / "comparison.npz")
        right = predictions.scores().argmax(1) == predictions.labels
        assert entry["accuracy"]["value"] == pytest.approx(float(np.mean(right)))
        assert entry["inside"]["value"] == pytest.approx(measure_families(predictions).levels[0].inside.value)
        assert entry["inside"]["value"] >= entry["accuracy"]["value"]
        assert entry["clips_per_second"] > 0
        assert entry["training_seconds"] > 0
    single, tsm, arc = table["entries"]
    assert single["params"] == tsm["params"] < arc["params"]
    assert tsm["gmacs"] == pytest.approx(8 * single["gmacs"])
    assert arc["gmacs"] > tsm["gmacs"]


def test_a_second_call_takes_over_what_is_there(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = (demo / "model.safetensors").read_bytes()
    log = (demo / "metrics.jsonl").read_bytes()
    run_demo(demo, size="tiny", epochs=1)
    assert (demo / "model.safetensors").read_bytes() == before
    assert (demo / "metrics.jsonl").read_bytes() == log
    captured = capfd.readouterr()
    assert captured.err.count("is finished") == 3
    assert "ARC-TSM" in captured.out
    assert "chance" in captured.out


def test_ctrl_c_says_how_the_whole_demo_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> Run:
        raise KeyboardInterrupt("stopped after step 3 of 9; go on with `recircle train --resume x`")

    monkeypatch.setattr("recircle.demo.run.train", stop)
    with pytest.raises(KeyboardInterrupt) as stopped:
        run_demo(tmp_path / "my demo", size="tiny", epochs=1)
    assert str(stopped.value) == (
        f"stopped after step 3 of 9 of single frame; all of the demo goes on with `recircle demo --output "
        f"'{tmp_path / 'my demo'}'`"
    )


def test_an_output_that_holds_something_else_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("do not touch")
    with pytest.raises(UserError, match="demo is not empty"):
        run_demo(tmp_path / "demo", size="tiny", epochs=1)
    assert not (tmp_path / "demo_data").exists()
