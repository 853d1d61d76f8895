"""`recircle fewshot`: accuracy on classes that the run never saw, what is left out, and what cannot be measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.evaluation import episodes
from recircle.evaluation.episodes import extract_features, few_shot
from recircle.evaluation.provenance import Provenance
from recircle.manifest.manifest import Clip, Manifest
from recircle.run import Run
from tests.small_run import IN_PROCESS, LABELS, write_clips, write_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_clips(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def new(manifest: Manifest) -> Path:
    """Return a manifest of two classes, of which the run knows none, with two clips, and of one with a single clip."""
    labels = ("hop", "hop", "skip", "skip", "jump [1]", "")
    path = manifest.root / "new.csv"
    replace(
        manifest, clips=tuple(replace(clip, label=label) for clip, label in zip(manifest.clips, labels, strict=True))
    ).write(path)
    return path


def measure(run: Run, data: Path, *options: str) -> int:
    return main(["fewshot", str(run.path), "--data", str(data), "--workers", "0", "--episodes", "50", *options])


def test_classes_that_the_run_does_not_know(run: Run, new: Path, capsys: Capture) -> None:
    assert measure(run, new, "--ways", "2", "--seed", "3") == 0
    printed = capsys.readouterr().out
    features = extract_features(run, new, loading=IN_PROCESS)
    expected = few_shot(features.values, features.labels, ways=2, episodes=50, seed=3).accuracy
    (line,) = [line for line in printed.splitlines() if line.startswith("2-way 1-shot")]
    assert line.split("  ")[1] == f"{100 * expected.value:.1f}"
    assert f" {100 * expected.low:.1f} to {100 * expected.high:.1f} " in line
    assert " 50.0 " in line
    assert "4 frames by time x 1 clip x 1 crop of 32 px from 36 px, feature mean" in line
    assert f"{new}, all clips: 5 clips of 3 classes\n" in printed
    assert "classes left out, since they have fewer than 2 clips: 1\n" in printed
    assert "classes that the run was trained on: 0 of 3\n" in printed
    assert "50 episodes, clips of each class: 1 known and 1 to recognise; seed 3\n" in printed


def test_json_has_all_that_is_printed(run: Run, new: Path, capsys: Capture) -> None:
    assert measure(run, new, "--ways", "2", "--views", "2x3", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    accuracy = found.pop("accuracy")
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert Provenance.from_dict(provenance := found.pop("provenance"), "").protocol_words == found["protocol"]
    assert provenance["averaged"] == "features"
    assert found == {
        "chance": 0.5,
        "ways": 2,
        "shots": 1,
        "queries": 1,
        "episodes": 50,
        "classes": 2,
        "seed": 0,
        "classes_left_out": 1,
        "trained_on": 0,
        "data": f"{new}, all clips",
        "clips": 5,
        "left_out": 0,
        "protocol": "4 frames by time x 2 clips x 3 crops of 36 px from 36 px, feature mean",
    }


def test_decoded_frames_are_kept(manifest: Manifest, run: Run, tmp_path: Path, capsys: Capture) -> None:
    options = ["--ways", "3", "--split", "all", "--json", "--cache", str(tmp_path / "cache")]
    assert measure(run, manifest.root, *options) == measure(run, manifest.root, *options) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert json.loads(first)["trained_on"] == len(LABELS)
    assert any((tmp_path / "cache").iterdir())


def test_broken_clips_stop_it_or_are_counted(manifest: Manifest, run: Run, capsys: Capture) -> None:
    torn = tuple(
        Clip(path=path, label=label, status="broken", fault="cut short")
        for path, label in (("torn [1].mp4", "lift"), ("torn 2.mp4", "only torn"))
    )
    path = manifest.root / "torn.csv"
    replace(manifest, clips=(*manifest.clips, *torn)).write(path)
    assert measure(run, path, "--ways", "3") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "torn [1].mp4: cut short" in printed.err
    assert measure(run, path, "--ways", "3", "--skip-broken") == 0
    printed = capsys.readouterr().out
    assert "6 clips of 4 classes" in printed
    assert "clips left out, since they cannot be decoded: 2\n" in printed
    assert "classes left out, since they have fewer than 2 clips: 1\n" in printed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "takes 5 classes, and the number of classes here is 3; give fewer --ways"),
        (["--ways", "3", "--shots", "2"], "3 clips, 2 to know and 1 to recognise, and of the 3 classes here 0 have"),
        (["--ways", "3", "--split", "val"], "2 clips, 1 to know and 1 to recognise, and of the 3 classes here 0 have"),
        (["--ways", "3", "--split", "test"], "no clip of the split 'test' has a label"),
        (["--ways", "3", "--split", "test"], "of splits there are train, val"),
        (["--ways", "1"], "--ways 1 must be 2 or more"),
        (["--shots", "0"], "--shots 0 must be 1 or more"),
        (["--queries", "0"], "--queries 0 must be 1 or more"),
        (["--episodes", "1"], "--episodes 1 must be 2 or more"),
        (["--seed", "-1"], "--seed -1 must be 0 or more"),
        (["--views", "two"], "--views two: give the number of clips, such as 2, or clips x crops, such as 10x3"),
        (["--ways", "3", "--device", "abacus"], "device 'abacus' cannot be used here"),
    ],
)
def test_a_wrong_option_is_one_sentence_before_any_clip_is_decoded(
    options: list[str],
    words: str,
    manifest: Manifest,
    run: Run,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decode(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(episodes, "run_views", decode)
    assert measure(run, manifest.root, *options) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


def test_a_missing_run_or_manifest_is_one_sentence(run: Run, tmp_path: Path, capsys: Capture) -> None:
    assert main(["fewshot", str(run.path)]) == 2
    assert "--data" in capsys.readouterr().err
    assert main(["fewshot", str(tmp_path), "--data", str(tmp_path)]) == 2
    assert "holds no trained model" in capsys.readouterr().err
    assert measure(run, tmp_path) == 2
    assert f"write one with `recircle index {tmp_path}`" in capsys.readouterr().err
    assert measure(run, tmp_path / "none.csv") == 2
    assert "none.csv is not there" in capsys.readouterr().err
