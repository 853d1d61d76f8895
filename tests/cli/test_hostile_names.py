"""Names and labels that try to steer a terminal, or cannot be encoded: every command ends as with any other name."""

import io
import json
import os
import re
import subprocess
import sys
import warnings
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recircle.cli.console import print_json
from recircle.cli.main import main
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Clip, Manifest
from recircle.models.registry import ModelConfig
from recircle.recipes import registry
from recircle.recipes.recipe import DataSet, Recipe
from recircle.run import Run
from recircle.terminal import visible
from recircle.training.config import TrainConfig
from recircle.views.preprocessing import Preprocessing
from tests.small_run import SPEC, write_frames, write_run

Capture = pytest.CaptureFixture[str]

STEERING = "\x1b]0;title\x07\x1b[31m\x9b2J\b\r\t\x7f\u202e\u2066\u2028\u200b"
LABELS = (f"a{STEERING}b", "[bold]up[/bold] :smile: %d {0}", "line\nerror: forged", "=HYPERLINK(1)")
NAME = os.fsdecode(b"n\xff") + STEERING + "\n[red]:smile: %d"
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose own name is hostile; all paths that commands are given and print lie in it."""
    folder = tmp_path_factory.mktemp("hostile") / NAME
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def data(home: Path) -> Path:
    """Return the folder of a manifest with two clips a label, one for training and one for validation."""
    folder = home / "data"
    clips = []
    for number in range(2 * len(LABELS)):
        path = f"{number}{NAME}"
        write_frames(folder / path, 5, seed=number)
        label = LABELS[number // 2]
        clips.append(Clip(path=path, label=label, split=("train", "val")[number % 2], frames=5, width=56, height=40))
    Manifest(tuple(clips), folder).write(folder / "manifest.csv")
    return folder


@pytest.fixture(scope="module")
def run(home: Path, data: Path) -> Run:
    spec = replace(SPEC, labels=tuple(sorted(LABELS)), families={LABELS[0]: STEERING, LABELS[1]: STEERING})
    run = write_run(home / "run", spec)
    assert main(["eval", str(run.path), "--data", str(data), "--workers", "0"]) == 0
    return run


def settings(recipe: Recipe, manifest: Path) -> TrainConfig:
    return TrainConfig(
        model=ModelConfig(name=recipe.model, width=8),
        data=DataConfig(
            manifest=manifest,
            sampling=recipe.sampling(),
            preprocessing=Preprocessing(resize=36, crop=32),
            workers=0,
        ),
        output=recipe.output,
        epochs=1,
        batch_size=2,
    )


TINY = Recipe(
    name="tiny",
    data=DataSet(title="Tiny clips", folder="TINY", prepare="recircle index TINY"),
    title="a very small network",
    model="tsm_resnet18",
    frames=2,
    settings=settings,
    notes="",
)


@pytest.fixture(autouse=True)
def _recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_recipes", lambda: {TINY.name: TINY})
    monkeypatch.setattr(registry, "warn_from_scratch", lambda *_: None)
    monkeypatch.setattr(registry, "check_version", lambda *_: None)


def printed(capfd: Capture) -> str:
    """Return all that was printed, in which nothing but line ends may be unseen."""
    text = "\n".join(capfd.readouterr())
    assert UNSEEN.findall(text) == []
    assert "\nerror: forged" not in text
    assert "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}" not in text
    return text


def test_eval(run: Run, data: Path, capfd: Capture) -> None:
    common = ["eval", str(run.path), "--data", str(data), "--workers", "0"]
    assert main(common) == 0
    assert main(["eval", "--from", str(next(run.predictions_path.glob("*.npz")))]) == 0
    printed(capfd)
    assert main([*common, "--name", "other", "--json"]) == 0
    assert json.loads(printed(capfd))["data"].startswith(str(data))


def test_eval_lists_what_is_broken(run: Run, data: Path, capfd: Capture) -> None:
    clips = Manifest.read(data / "manifest.csv").clips
    broken = tuple(replace(clip, status="broken", fault=STEERING) for clip in clips)
    Manifest(broken, data).write(data / "broken.csv")
    assert main(["eval", str(run.path), "--data", str(data / "broken.csv")]) == 2
    text = printed(capfd)
    assert text.count("\n  ") == len(LABELS)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_predict(options: list[str], run: Run, data: Path, capfd: Capture) -> None:
    torn = data / f"torn{NAME}.mp4"
    torn.write_bytes(b"torn")
    clips = [str(data / clip.path) for clip in Manifest.read(data / "manifest.csv").clips[:2]]
    assert main(["predict", str(run.path), *clips, str(torn), *options]) == 1
    text = printed(capfd)
    if options:
        lines = [json.loads(line) for line in text.splitlines() if line]
        assert [line["path"] for line in lines] == [*clips, str(torn)]
        assert lines[0]["label"] in LABELS


def test_report_explain_and_export(run: Run, home: Path, data: Path, capfd: Capture) -> None:
    page = home / "page.html"
    assert main(["report", str(run.path), "--data", str(data), "--output", str(page)]) == 0
    assert UNSEEN.search(page.read_text(encoding="utf-8")) is None
    clip = Manifest.read(data / "manifest.csv").clips[0].path
    assert main(["explain", str(run.path), str(data / clip), "--output", str(home / "drawn")]) == 0
    assert main(["export", str(run.path), "--format", "torch"]) == 0
    printed(capfd)


@pytest.mark.filterwarnings(r"ignore:[\s\S]*no clip has a label")
def test_index_and_train(home: Path, data: Path, capfd: Capture) -> None:
    assert main(["index", str(data), "--output", str(home / "again.csv")]) == 0
    (data / f"sound{NAME}.mp4").write_bytes(b"RIFF")
    assert main(["train", "tiny", "--data", str(data), "--output", str(home / "trained")]) == 0
    assert main(["train", "--resume", str(home / "trained"), "--epochs", "2"]) == 0
    assert main(["train", "--resume", str(home / "trained"), "--help"]) == 0
    printed(capfd)


@pytest.mark.parametrize(
    "words",
    [
        [NAME],
        ["predict", NAME, NAME],
        ["predict", NAME, f"--{STEERING}"],
        ["predict", NAME, NAME, "--crops", STEERING],
        ["explain", NAME, NAME],
        ["eval", NAME],
        ["eval", "--from", NAME],
        ["report", NAME],
        ["index", NAME],
        ["train", "tiny", "--data", NAME],
        ["train", "tiny", "--data", ".", f"--model.{STEERING}", "1"],
        ["train", "--resume", NAME],
        ["models", NAME],
        ["tabletop", "--size", NAME],
        ["ensemble", NAME, NAME, "--output", NAME],
        ["export", NAME],
        ["fewshot", NAME, "--data", NAME],
        ["tables", NAME],
    ],
)
def test_what_is_refused(words: list[str], capfd: Capture) -> None:
    assert main(words) == 2
    printed(capfd)


def test_warnings_of_others(monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    def warn(_: list[str]) -> int:
        warnings.warn(STEERING + "\n  listed", UserWarning, stacklevel=1)
        warnings.warn(STEERING, DeprecationWarning, stacklevel=1)
        return 0

    monkeypatch.setattr("recircle.cli.doctor.main", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["doctor"]) == 0
    assert "\n  listed" in printed(capfd)


HOW = {
    "UTF-8": {"PYTHONIOENCODING": "utf-8:strict"},
    "ASCII": {"PYTHONIOENCODING": "ascii:strict"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


@pytest.mark.parametrize("how", ["ASCII", *(pytest.param(how, marks=pytest.mark.slow) for how in ("UTF-8", "C"))])
def test_no_encoding_of_the_output_ends_a_command(how: str, run: Run, data: Path) -> None:
    clip = str(data / Manifest.read(data / "manifest.csv").clips[0].path)
    command = [sys.executable, "-m", "recircle.cli.main", "predict", str(run.path), clip]
    for options in ([], ["--json"]):
        done = subprocess.run([*command, *options], env={**os.environ, **HOW[how]}, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert UNSEEN.search(done.stdout.decode()) is None
        if options:
            # in the locale C, each byte beyond ASCII is one of a name that is not UTF-8
            assert os.fsencode(json.loads(done.stdout)["path"]) == os.fsencode(clip)


class _Bytes(io.StringIO):
    encoding = "ascii"  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]


TEXT = st.text(st.characters())


@given(value=st.recursive(TEXT, lambda inside: st.lists(inside) | st.dictionaries(TEXT, inside)))
def test_json_round_trips_and_holds_nothing_unseen(value: Any) -> None:
    for stream in (io.StringIO(), _Bytes()):
        with redirect_stdout(stream):
            print_json(value)
        line = stream.getvalue()
        assert line.endswith("\n")
        assert UNSEEN.search(line[:-1]) is None
        assert "\n" not in line[:-1]
        assert json.loads(line) == value


@given(text=TEXT)
def test_visible_text_keeps_all_that_can_be_seen(text: str) -> None:
    shown = visible(text)
    assert UNSEEN.search(shown) is None
    assert "\n" not in shown
    assert visible(shown) == shown
    if text.isprintable():
        assert shown == text
