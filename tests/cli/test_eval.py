"""`recircle eval`: figures with their protocol, saved predictions, and the ways to ask for views."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.evaluation.calibration import Calibration
from recircle.evaluation.predictions import Predictions
from recircle.manifest.manifest import Clip, Manifest
from recircle.run import Run
from tests.evaluation.factories import predicted
from tests.small_run import SPEC, write_clips, write_run

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
    protocol = "4 frames by time x 1 clip x 1 crop of 32 px from 36 px, softmax mean"
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
    assert first["protocol"] == "4 frames by time x 2 clips x 3 crops of 36 px from 36 px, logits mean"
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


def test_families_and_chance_stand_among_the_figures(manifest: Manifest, run: Run, capsys: Capture) -> None:
    assert evaluate(run, manifest.root, "--name", "plain") == 0
    printed = capsys.readouterr().out
    for metric, chance in (("top-1", "33.3"), ("family", "55.6"), ("inside family", "66.7")):
        (line,) = [line for line in printed.splitlines() if line.startswith(metric)]
        assert f" {chance} " in line
        assert "4 frames by time x 1 clip" in line
    assert main(["eval", "--from", str(run.predictions_path / "plain.npz"), "--json"]) == 0
    families = json.loads(capsys.readouterr().out)["families"]
    assert [level["level"] for level in families["levels"]] == ["family"]
    assert families["levels"][0]["chance"] == pytest.approx(5 / 9)


def test_a_hierarchy_adds_levels(manifest: Manifest, run: Run, tmp_path: Path, capsys: Capture) -> None:
    table = tmp_path / "h.csv"
    table.write_text("class,side [a],all\nlift,none,x\npush left,left,x\npush right,right,x\n")
    assert evaluate(run, manifest.root, "--hierarchy", str(table)) == 0
    printed = capsys.readouterr().out
    lines = [line.split("  ")[0] for line in printed.splitlines()]
    assert [line for line in lines if line in ("family", "side [a]", "inside side [a]", "all", "inside all")] == [
        "side [a]",
        "inside side [a]",
        "all",
        "inside all",
    ]
    table.write_text("class,side\nlift,none\n")
    assert evaluate(run, manifest.root, "--hierarchy", str(table)) == 2
    message = capsys.readouterr().err
    assert "h.csv has no group for 2 of the 3 classes, such as 'push left'" in message
    assert message.count("\n") == 1


def test_another_order_is_saved_apart_and_compared_with_the_run_itself(
    manifest: Manifest, run: Run, capsys: Capture
) -> None:
    assert evaluate(run, manifest.root, "--clips", "3") == 0
    normal = capsys.readouterr().out.splitlines()[-1].removeprefix("predictions: ")
    assert evaluate(run, manifest.root, "--clips", "3", "--order", "reversed", "--against", str(run.path)) == 0
    printed = capsys.readouterr().out
    assert "softmax mean, frames reversed" in printed
    assert f"compared with: {normal}" in printed
    assert "protocol there: 4 frames by time x 3 clips x 1 crop of 32 px from 36 px, softmax mean\n" in printed
    saved = Path(printed.splitlines()[-1].removeprefix("predictions: "))
    assert saved == Path(normal).parent / "reversed" / Path(normal).name
    assert main(["eval", "--from", str(saved), "--against", str(run.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["comparison"]["protocols"][0].endswith("frames reversed")
    assert evaluate(run, manifest.root, "--clips", "3", "--against", str(run.path)) == 2
    assert f"{normal} cannot be compared with itself" in capsys.readouterr().err
    assert evaluate(run, manifest.root, "--clips", "4", "--order", "single", "--against", str(run.path)) == 2
    assert "4x1-softmax.npz is not there to compare" in capsys.readouterr().err


def test_the_advice_on_a_run_to_compare_with_helps(
    manifest: Manifest, run: Run, tmp_path: Path, capsys: Capture
) -> None:
    other = write_run(tmp_path / "other run")
    options = ["--clips", "2", "--name", "mine"]
    assert evaluate(run, manifest.root, *options, "--against", str(other.path)) == 2
    message = capsys.readouterr().err
    assert "with the same --split and --views" in message
    advised = shlex.split(re.findall(r"`recircle (.*?)`", " ".join(message.split()))[0])
    assert main([*advised, "--clips", "2"]) == 0
    assert evaluate(run, manifest.root, *options, "--against", str(other.path)) == 0
    foreign = write_run(tmp_path / "foreign", replace(SPEC, labels=("lift", "push", "pull"), families={}))
    capsys.readouterr()
    assert evaluate(run, manifest.root, *options, "--against", str(foreign.path)) == 2
    message = capsys.readouterr().err
    assert "cannot be compared with" in message
    assert "'pull' is a class of one of them only" in message


def test_two_files_are_compared_clip_by_clip(manifest: Manifest, run: Run, capsys: Capture) -> None:
    for name, options in (("one", ["--clips", "1"]), ("two", ["--clips", "2"]), ("train", ["--split", "train"])):
        assert evaluate(run, manifest.root, *options, "--name", name) == 0
    one, two, train = (str(run.predictions_path / f"{name}.npz") for name in ("one", "two", "train"))
    capsys.readouterr()
    assert main(["eval", "--from", one, "--against", two, "--json"]) == 0
    comparison = json.loads(capsys.readouterr().out)["comparison"]
    assert comparison["clips"] == 3
    assert comparison["difference"]["value"] == pytest.approx(comparison["accuracy"] - comparison["against"])
    assert main(["eval", "--from", one, "--against", one]) == 0
    assert "difference +0.0 points [+0.0, +0.0] (paired bootstrap), p = 1 (McNemar" in capsys.readouterr().out
    assert main(["eval", "--from", one, "--against", train]) == 2
    assert "not of the same clips" in capsys.readouterr().err


def test_a_temperature_is_saved_with_the_run(manifest: Manifest, run: Run, capsys: Capture) -> None:
    assert evaluate(run, manifest.root, "--split", "all", "--name", "all", "--calibrate") == 0
    printed = capsys.readouterr().out
    path = run.path / "calibration.json"
    calibration = Calibration.load(path)
    assert (calibration.fitted_on, calibration.tried_on) == (3, 3)
    assert f"temperature {calibration.temperature:.3f}, fitted on 3 clips; on the other 3" in printed
    assert f"temperature saved: {path}" in printed
    path.unlink()
    file = str(run.predictions_path / "all.npz")
    assert main(["eval", str(run.path), "--from", file, "--calibrate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calibration"]["temperature"] == calibration.temperature
    assert Calibration.load(path) == calibration
    assert main(["eval", "--from", file, "--calibrate"]) == 2
    assert "--calibrate saves the temperature with the run" in capsys.readouterr().err


def test_predictions_of_another_network_do_not_calibrate_a_run(tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path / "run")
    predicted(("a", "b"), [("a", "b"), ("b", "b")]).save(tmp_path / "p.npz")
    assert main(["eval", str(run.path), "--from", str(tmp_path / "p.npz"), "--calibrate"]) == 2
    assert "is not of the classes of" in capsys.readouterr().err
    assert not (run.path / "calibration.json").exists()


def test_dives_are_told_apart_by_factor(tmp_path: Path, capsys: Capture) -> None:
    dives = ("Back+15som+05Twis+FREE", "Back+15som+15Twis+FREE")
    predicted(dives, [(dives[0], dives[1]), (dives[1], dives[1])]).save(tmp_path / "p.npz")
    assert main(["eval", "--from", str(tmp_path / "p.npz"), "--resamples", "10"]) == 0
    printed = capsys.readouterr().out
    assert "\n  take-off: 100.0 % [100.0, 100.0], 100.0, 0, 0\n" in printed
    assert "\n  twist: 50.0 % [" in printed
    assert "], 50.0, 1, 1\n" in printed


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
        (["--views", "two"], "--views two: give the number of clips, such as 2, or clips x crops, such as 10x3"),
        (["--views", "2x4"], "crops=4"),
        (["--views", "0"], "clips=0"),
        (["--views", "2", "--clips", "2"], "give it, or --clips and --crops"),
        (["--split", "test"], "has the split 'test'; there are train, val"),
        (["--device", "abacus"], "device 'abacus' cannot be used here"),
        (["--resamples", "0"], "--resamples 0 must be 1 or more"),
        (["--batch-size", "0"], "--batch-size 0 must be 1 or more"),
        (["--against", "none.npz"], "--against none.npz is not there"),
        (["--hierarchy", "none.csv"], "none.csv cannot be read"),
        (["--order", "single", "--from", "x.npz"], "--order runs the network"),
        (["--order", "single", "--calibrate"], "leave out --order"),
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
