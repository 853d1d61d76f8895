"""The examples run, on generated clips and on one's own, and explain themselves."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import recircle
from recircle.cli.main import main
from recircle.models import registry
from tests.media import moving_frames, write_video

FOLDER = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
SMALL = ["--epochs", "1", "--width", "8", "--pixels", "32", "--workers", "0"]


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Forget afterwards what an example registers; write below the test's folder alone."""
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Two classes of four videos."""
    for number in range(8):
        path = tmp_path / "mine" / ("left" if number % 2 else "right") / f"{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = moving_frames(8, 36, 48)
        write_video(path, frames[::-1] if number % 2 else frames)
    return tmp_path / "mine"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize("name", NAMES)
def test_each_explains_itself(name: str, load: Any, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "search":
        pytest.importorskip("optuna")
    with pytest.raises(SystemExit) as end:
        load(name).main(["--help"])
    assert end.value.code == 0
    assert {"--data", "--output", "--epochs"} <= {*capsys.readouterr().out.replace(",", " ").split()}


def test_an_own_network_on_generated_clips(load: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run = load("own_network").main([*SMALL, "--per-class", "1"])
    printed = capsys.readouterr()
    assert "layers converted to ARC" in printed.out
    assert "top-1: " in printed.out
    assert "24 classes, 24 clips to train on, 24 to evaluate on" in " ".join(printed.err.split())
    assert run.load_spec().model.module == "own_network"
    # in this process the module is there
    assert main(["eval", str(run.path), "--workers", "0", "--resamples", "5"]) == 0


@pytest.mark.filterwarnings("ignore:the .* clips to train on are fewer than a batch")
def test_an_own_dataset(load: Any, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = load("own_dataset").main([*SMALL, "--data", str(clips)])
    assert run.load_spec().labels == ("left", "right")
    assert capsys.readouterr().out.count("taken for") == 2
    assert len(recircle.Manifest.read(run.path / "items.csv")) == 8


@pytest.mark.filterwarnings("ignore:the .* clips to train on are fewer than a batch")
def test_an_ablation(load: Any, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = load("arc_ablation")
    arguments = [*SMALL, "--data", str(clips), "--seeds", "2"]
    mean, low, high = module.main(arguments)
    printed = capsys.readouterr().out
    assert low <= mean <= high
    assert printed.count("bootstrap over the clips") == 4
    # what is finished is taken over
    assert module.main(arguments) == (mean, low, high)


@pytest.mark.filterwarnings("ignore:the .* clips to train on are fewer than a batch")
@pytest.mark.filterwarnings("ignore:.* clips lie outside of its folder")
def test_a_search_goes_on_and_never_sees_the_test_clips(load: Any, clips: Path, tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    module = load("search")
    arguments = [*SMALL, "--data", str(clips), "--seeds", "1", "--network", "tsm_resnet18"]
    module.main([*arguments, "--trials", "1"])
    settings, accuracies = module.main([*arguments, "--trials", "2"])
    assert {*settings} == {"lr", "weight_decay", "dropout"}
    assert len(accuracies) == 1
    folder = tmp_path / "runs" / "search"
    assert len([*folder.glob("trial_*/model.safetensors")]) == 2
    trials = optuna.load_study(study_name="search", storage=f"sqlite:///{folder / 'search.db'}").trials
    assert len({trial.params["lr"] for trial in trials}) == 2
    search, tests = (recircle.Manifest.read(folder / name) for name in ("search.csv", "tests.csv"))
    assert {clip.split for clip in search.clips} == {"train", "val"}
    assert not {search.path(clip) for clip in search.clips} & {tests.path(clip) for clip in tests.clips}
    assert len(search) + len(tests) == 8


def test_an_interval_is_that_of_students_t() -> None:
    scipy = pytest.importorskip("scipy.stats")
    spec = importlib.util.spec_from_file_location("arc_ablation", FOLDER / "arc_ablation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for count in range(2, 11):
        values = [0.1 * number**1.5 for number in range(count)]
        expected = scipy.t.interval(0.95, count - 1, loc=sum(values) / count, scale=scipy.sem(values))
        assert module.interval(values)[1:] == pytest.approx(expected, abs=1e-3)
