"""Names and labels that try to steer a terminal, or cannot be encoded: every command ends as with any other name."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.data.config import DataConfig
from recircle.data.manifest import Clip, Manifest
from recircle.data.preprocessing import Preprocessing
from recircle.data.sampling import Sampling
from recircle.models.registry import ModelConfig
from recircle.recipes import registry
from recircle.run import Run
from recircle.training.config import TrainConfig
from tests.small_run import SPEC, write_frames, write_run

Capture = pytest.CaptureFixture[str]

STEERING = "\x1b]0;title\x07\x1b[31m\x9b2J\b\r\t\x7f\u202e\u2066\u2028\u200b"
LABELS = (f"a{STEERING}b", "[bold]left[/bold] :smile: %d {0}", "line\nerror: forged", "=HYPERLINK(1)")
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


@pytest.fixture(autouse=True)
def _recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_RECIPES", {"tiny": tiny}, raising=True)


def tiny(data: Path) -> TrainConfig:
    """Train a very small network."""
    return TrainConfig(
        model=ModelConfig(name="tsm_resnet18", width=8),
        data=DataConfig(
            manifest=data, sampling=Sampling(frames=2), preprocessing=Preprocessing(resize=36, crop=32), workers=0
        ),
        output=Path("runs/tiny"),
        epochs=1,
        batch_size=2,
    )


def printed(capfd: pytest.CaptureFixture[str]) -> str:
    """Return all that was printed, in which nothing but line ends may be unseen."""
    text = "\n".join(capfd.readouterr())
    assert UNSEEN.findall(text) == []
    assert "\nerror: forged" not in text
    assert "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}" not in text
    return text
