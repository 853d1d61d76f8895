"""`recircle eval`: figures with their protocol, saved predictions, and the ways to ask for views."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.data.manifest import Clip, Manifest
from recircle.evaluation.predictions import Predictions
from recircle.run import Run
from tests.small_run import write_clips, write_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_clips(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


def evaluate(run: Run, data: Path, *options: str) -> int:
    return main(["eval", str(run.path), "--data", str(data), "--workers", "0", *options])


def test_each_figure_stands_beside_its_protocol(manifest: Manifest, run: Run, capsys: Capture) -> None:
    assert evaluate(run, manifest.root) == 0
    printed = capsys.readouterr().out
    protocol = "4 frames x 1 clip x 1 crop of 32 px from 36 px, softmax mean"
    for metric in ("top-1", "top-5", "mean class"):
        (line,) = [line for line in printed.splitlines() if line.startswith(metric)]
        assert protocol in line
        assert " to " in line
    assert "split val: 3 clips of 3 classes" in printed
    assert "1000 resamples, seed 0" in printed


def test_saved_predictions_give_the_same_figures(manifest: Manifest, run: Run, capsys: Capture) -> None:
    assert evaluate(run, manifest.root, "--views", "2x3", "--fusion", "logits", "--name", "six", "--json") == 0
    first = json.loads(capsys.readouterr().out)
    path = run.predictions_path / "six.npz"
    assert Predictions.load(path).logits.shape == (3, 6, 3)
    assert main(["eval", "--from", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert first["protocol"] == "4 frames x 2 clips x 3 crops of 36 px from 36 px, logits mean"
    assert sum(map(sum, first["confusion"])) == first["clips"] == 3
    assert main(["eval", "--from", str(path), "--json", "--seed", "5", "--resamples", "10"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["seed"], again["resamples"], again["top1"]["value"]) == (5, 10, first["top1"]["value"])


def test_evaluations_of_different_views_do_not_overwrite_each_other(
    manifest: Manifest, run: Run, capsys: Capture
) -> None:
    for options in ([], ["--clips", "2"], ["--split", "train"], ["--fusion", "logits"], ["--precision", "bf16"]):
        assert evaluate(run, manifest.root, *options) == 0
    names = {line.split("/")[-1] for line in capsys.readouterr().out.splitlines() if line.startswith("predictions")}
    assert len(names) == 5
    assert names <= {path.name for path in run.predictions_path.iterdir()}


def test_broken_clips_stop_it_or_are_counted(manifest: Manifest, run: Run, capsys: Capture) -> None:
    torn = Clip(path="torn [1].mp4", label="lift", split="val", status="broken", fault="cut short")
    path = manifest.root / "broken.csv"
    replace(manifest, clips=(*manifest.clips, torn)).write(path)
    assert evaluate(run, path) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "torn [1].mp4: cut short" in printed.err
    assert evaluate(run, path, "--skip-broken") == 0
    assert "clips left out, since they cannot be decoded: 1\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--views", "two"], "--views two is not such as 2 (clips) or 10x3"),
        (["--views", "2x4"], "crops=4"),
        (["--views", "0"], "clips=0"),
        (["--views", "2", "--clips", "2"], "give it, or --clips and --crops"),
        (["--split", "test"], "has the split 'test'; there are train, val"),
        (["--device", "abacus"], "device 'abacus' cannot be used here"),
        (["--resamples", "0"], "--resamples 0 must be 1 or more"),
        (["--batch-size", "0"], "--batch-size 0 must be 1 or more"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    options: list[str], words: str, manifest: Manifest, run: Run, capsys: Capture
) -> None:
    assert evaluate(run, manifest.root, *options) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


def test_a_missing_run_or_manifest_is_one_sentence(run: Run, tmp_path: Path, capsys: Capture) -> None:
    assert main(["eval"]) == 2
    assert "give the folder of a run, or --from" in capsys.readouterr().err
    assert main(["eval", str(tmp_path)]) == 2
    assert "holds no trained model" in capsys.readouterr().err
    assert evaluate(run, tmp_path) == 2
    assert f"write one with `recircle index {tmp_path}`" in capsys.readouterr().err
    assert evaluate(run, tmp_path / "none.csv") == 2
    assert "none.csv is not there" in capsys.readouterr().err
