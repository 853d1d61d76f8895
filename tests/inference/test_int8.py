"""A run in int8: calibrated on clips of training, measured on others, and found by the engines."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from recircle.arc.config import ArcConfig
from recircle.cli.main import main
from recircle.inference.recognizer import Recognizer
from recircle.loading.config import DataConfig
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.training.config import TrainConfig
from tests.small_run import SPEC, write_clips, write_run

ARC = replace(SPEC, model=ModelConfig(name="arc_tsm_resnet18", width=8, arc=ArcConfig.temporal()))
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that says which clips it was trained on and which it held out."""
    folder = tmp_path_factory.mktemp("runs")
    write_clips(folder / "clips")
    run = write_run(folder / "run", ARC)
    data = DataConfig(manifest=folder / "clips" / "manifest.csv", sampling=ARC.sampling)
    run.save_config(TrainConfig(model=ARC.model, data=data, output=run.path))
    return run


def export(*words: object) -> int:
    return main(["export", *map(str, words), "--precision", "int8"])


@pytest.fixture(scope="module")
def path(run: Run) -> Path:
    assert export(run.path, "--frames", 4, "--clips", 2) == 0
    return run.path / "model.int8.onnx"


def test_it_is_smaller_near_the_run_and_an_engine_finds_it(run: Run, path: Path) -> None:
    assert path.stat().st_size < 0.7 * run.weights_path.stat().st_size
    clip = run.path.parent / "clips" / "lift" / "train"
    expected = Recognizer.load(run.path)(clip).logits
    found = Recognizer.load(run.path, engine="onnxruntime", precision="int8")(clip)
    assert found.provenance.precision == "int8"
    error = np.abs(found.logits - expected).max()
    assert 0 < error < 0.25 * np.abs(expected).max()


def test_a_file_of_fewer_steps_is_found_for_these_alone(run: Run, capsys: Capture) -> None:
    clip = run.path.parent / "clips" / "lift" / "train"
    words = ["predict", str(run.path), str(clip), "--engine", "onnxruntime", "--precision", "int8", "--steps", "1"]
    assert main(words) == 2
    assert (
        f"model.n1.int8.onnx is not there: write it with `recircle export {run.path} --precision int8 --steps 1`"
        in (" ".join(capsys.readouterr().err.split()))
    )
    assert export(run.path, "--frames", 4, "--steps", 1) == 0
    assert "top-1 of 3 held-out clips: " in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert "ARC in 1 step" in capsys.readouterr().out
    expected = Recognizer.load(run.path, steps=1)(clip).logits
    found = Recognizer.load(run.path, engine="onnxruntime", precision="int8", steps=1)(clip).logits
    assert np.abs(found - expected).max() < 0.25 * np.abs(expected).max()


def test_the_layers_of_the_network_are_in_int8(path: Path) -> None:
    graph = onnx.load(path).graph
    quantised = {output for node in graph.node if node.op_type == "DequantizeLinear" for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 20
    assert all(set(node.input[:2]) <= quantised for node in convolutions)
    sums = [node for node in graph.node if node.op_type == "Add"]
    assert sum(set(node.input) <= quantised for node in sums) > 0.8 * len(sums)


@pytest.mark.slow
def test_accuracy_is_told_before_and_after(run: Run, path: Path, capsys: Capture, tmp_path: Path) -> None:
    assert export(run.path, "--output", tmp_path / "a.onnx") == 0
    printed = capsys.readouterr().out
    assert "a.onnx: " in printed
    assert f"calibrated on 3 training clips of {run.path.parent / 'clips' / 'manifest.csv'}" in printed
    assert "top-1 of 3 held-out clips: " in printed
    assert "% before" in printed.replace("] before", "% before")
    assert "difference" in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--format", "torch"], "is for ONNX files of whole clips"),
        (["--frames", "8"], "frames=8: it is calibrated on clips of 4, as the run samples"),
        (["--output", "nowhere/m.onnx"], "nowhere/m.onnx cannot be written: No such file or directory"),
        (["--output", "m.pt2"], "files in int8 are ONNX files and end in .onnx"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    words: Sequence[str], told: str, run: Run, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recircle.inference.int8.decode_ahead", lambda *_, **__: pytest.fail("decoded"))
    assert export(run.path, *words) == 2
    assert told in capsys.readouterr().err


@pytest.mark.slow
def test_without_its_clips_a_run_asks_for_others(run: Run, tmp_path: Path, capsys: Capture) -> None:
    alone = write_run(tmp_path / "alone", ARC)
    assert export(alone.path) == 2
    assert "give clips to calibrate on" in capsys.readouterr().err
    assert export(alone.path, "--calibrate", run.path.parent / "clips" / "lift") == 0
    printed = capsys.readouterr().out
    assert "calibrated on 2 clips of" in printed
    assert "accuracy was not measured: " in printed
    assert main(["export", str(alone.path), "--calibrate", str(tmp_path)]) == 2
    assert "is for --precision int8" in capsys.readouterr().err
