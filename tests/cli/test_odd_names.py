"""File names that are legal and odd, through all commands: a leading dash, the longest that there are, line ends."""

import json
import os
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.manifest.manifest import Clip, Manifest
from recircle.run import Run
from tests.media import moving_frames, write_video
from tests.small_run import LABELS, SPEC, write_frames, write_run
from tests.test_ensemble import with_frames

Capture = pytest.CaptureFixture[str]

LONG = "ä" * 125 + "x"
NAMES = {
    "a dash": "-x",
    "an option": "--help",
    "the longest": LONG + "y" * (251 - len(LONG.encode())),
    "line ends": "a\nb\tc\rd",
    "blanks": " a ",
    "a number sign": "# a",
    "quotes": "a'\"b",
    "percent": "%s%20{0}",
    "not UTF-8": os.fsdecode(b"\xff\xfe"),
}

FEW = ("a dash", "line ends", "not UTF-8")
"""Those that a command which takes seconds is tried with each time."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one clip a name, each class in both splits."""
    root = tmp_path_factory.mktemp("data")
    video = write_video(root / "video.mp4", moving_frames(6))
    for number, name in enumerate(NAMES.values()):
        folder = root / "clips" / ("train", "val")[number // 3 % 2] / LABELS[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video, folder / f"{name}.mp4")
    return root / "clips"


def test_all_commands(data: Path, run: Run, tmp_path: Path, capfd: Capture) -> None:
    manifest = data / f"{NAMES['the longest']}.csv"
    assert main(["index", str(data), "--output", str(manifest)]) == 0
    read = Manifest.read(manifest)
    assert {Path(clip.path).name for clip in read.clips} == {f"{name}.mp4" for name in NAMES.values()}
    assert {clip.status for clip in read.clips} == {"ok"}
    common = ["--data", str(manifest), "--workers", "0"]
    assert main(["eval", str(run.path), "--split", "all", *common]) == 0
    assert main(["report", str(run.path), "--output", str(tmp_path / f"{NAMES['the longest'][1:]}.html")]) == 0
    assert main(["fewshot", str(run.path), "--ways", "2", "--episodes", "9", *common]) == 0
    assert "\r" not in "".join(capfd.readouterr())


def test_predict(data: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    files = [str(path) for path in sorted(data.rglob("*.mp4"))]
    assert main(["predict", str(run.path), *files, "--json"]) == 0
    assert [json.loads(line)["path"] for line in capfd.readouterr().out.splitlines()] == files
    monkeypatch.chdir(data / "train" / LABELS[0])
    assert main(["predict", str(run.path), "./-x.mp4", "--json"]) == 0
    assert Path(json.loads(capfd.readouterr().out)["path"]).name == "-x.mp4"


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=() if kind in FEW else pytest.mark.slow) for kind in NAMES])
def test_explain(kind: str, data: Path, run: Run, capfd: Capture) -> None:
    (file,) = (path for path in data.rglob("*.mp4") if path.stem == NAMES[kind])
    assert main(["explain", str(run.path), str(file)]) == 0
    assert any((run.path / "explained" / file.parent.name / NAMES[kind]).iterdir())
    assert "\r" not in "".join(capfd.readouterr())


def test_a_name_that_looks_like_an_option_is_told_how_to_give(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    write_video(tmp_path / "-x.mp4", moving_frames(6))
    monkeypatch.chdir(tmp_path)
    assert main(["predict", str(run.path), "-x.mp4"]) == 2
    assert "-x.mp4" in capfd.readouterr().err


ODD = (
    *("a\x00b", "\x1b[31m", "line\nend", "\u202edlrow", "\ufeff", "\U0001f4a9" * 20, "a\u0301", "é"),
    *("=HYPERLINK(1)", "</script>", '"quoted"', "x" * 5000, " ", "\u2028", "\\u0000", "%", "{}"),
)


@pytest.mark.slow
def test_labels_come_back_from_an_onnx_file(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    run = write_run(tmp_path / "run", replace(SPEC, labels=ODD, families=dict.fromkeys(ODD, ODD[1])))
    assert run.load_spec().labels == ODD
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert main(["export", str(run.path), "--output", str(tmp_path / "model.onnx")]) == 0
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    spec = json.loads(session.get_modelmeta().custom_metadata_map["model.json"])
    assert tuple(spec["labels"]) == ODD
    assert spec["families"] == dict.fromkeys(ODD, ODD[1])


def test_runs_with_odd_labels_are_joined(tmp_path: Path, capfd: Capture) -> None:
    spec = replace(with_frames(8), labels=ODD, families={})
    write_run(tmp_path / "8\n", spec)
    write_run(tmp_path / "-16", replace(spec, sampling=with_frames(16).sampling))
    assert main(["ensemble", str(tmp_path / "8\n"), str(tmp_path / "-16"), "--output", str(tmp_path / "both\t")]) == 0
    assert Run(tmp_path / "both\t").load_spec().labels == ODD
    assert "\t" not in capfd.readouterr().out


def test_fewshot_of_odd_labels(run: Run, tmp_path: Path, capfd: Capture) -> None:
    clips = []
    for number in range(2 * len(ODD)):
        write_frames(tmp_path / "data" / str(number), 4, number)
        label = ODD[number // 2].replace("\x00", "0")
        clips.append(Clip(path=str(number), label=label, frames=4, width=56, height=40))
    Manifest(tuple(clips), tmp_path / "data").write(tmp_path / "data" / "manifest.csv")
    few = ["fewshot", str(run.path), "--data", str(tmp_path / "data"), "--workers", "0", "--episodes", "9"]
    assert main([*few, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["classes"] == len(ODD)
