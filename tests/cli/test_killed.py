"""A process that is killed at any moment loses nothing that was there, and the same command works afterwards."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.evaluation.predictions import Predictions
from recircle.manifest.manifest import Manifest
from recircle.run import Run
from tests.cli.commands import Place, contents, know_tiny, write_place

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import os, signal, stat, sys

import pytest
import torch

from recircle.cli.main import main
from tests.cli.commands import know_tiny

torch.set_num_threads(1)
root, at, *command = sys.argv[1:]
know_tiny(pytest.MonkeyPatch())
seen, left = 0, int(at)

def look(event, arguments):
    # just before a file is opened to be written, renamed, removed, or a folder is made
    global seen
    path = arguments[0] if arguments else None
    if event not in ("open", "os.rename", "os.remove", "os.mkdir") or not isinstance(path, (str, os.PathLike)):
        return
    if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
        return
    if os.fspath(path).startswith(root) and not os.fspath(path).endswith(".lock"):
        seen += 1
        if seen == left:
            os.kill(os.getpid(), signal.SIGKILL)

sync = os.fsync
def half(handle):
    # in the middle of a write: a part of it is on the disk
    global seen
    seen += 1
    if seen == left:
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode):
            os.truncate(os.readlink(f"/proc/self/fd/{handle}"), status.st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    sync(handle)

os.fsync = half
sys.addaudithook(look)
ended = main(command)
print("ended", ended)
sys.exit(ended)
"""

COMMANDS = ("index", "train", "resume", "eval", "report", "tabletop")
REPLACED = {
    "resume": {
        *("run/config.json", "run/model.json", "run/model.safetensors"),
        *("run/checkpoints/step-00000001.pt", "run/checkpoints/step-00000002.pt"),
    }
}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    know_tiny(monkeypatch)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Place:
    with pytest.MonkeyPatch.context() as patch:
        know_tiny(patch)
        return write_place(tmp_path_factory.mktemp("place"))


def killed_at(place: Place, command: list[str], at: int) -> bool:
    """Run a command that kills itself at its n-th change of a file; return whether it came so far."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(place.root), str(at), *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode in (0, -9), ended.stderr
    return ended.returncode == -9


def check_whole(place: Place) -> None:
    """Insist that every file that has its final name is whole."""
    for path in place.root.rglob("*"):
        if path.name.endswith(".part") or not path.is_file():
            continue
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            Manifest.read(path)
        elif path.suffix == ".npz":
            Predictions.load(path)
        elif path.suffix == ".html":
            assert path.read_text().rstrip().endswith("</html>")
        elif path.name == "model.safetensors" and (path.parent / "model.json").is_file():
            Run(path.parent).load_model()


def rerun(place: Place, name: str) -> None:
    """Give the command again, as its user would."""
    command = place.command(name)
    if name == "train" and (place.root / "new" / "config.json").is_file():
        command = ["train", "--resume", str(place.root / "new")]
    assert main(command) == 0


def trial(original: Place, name: str, at: int, folder: Path) -> bool:
    place = Place(Path(shutil.copytree(original.root, folder)))
    before = contents(place.root)
    if name == "resume":
        # paths in the config of a run are those of the place it was copied from
        config = place.root / "run" / "config.json"
        config.write_text(config.read_text().replace(str(original.root), str(place.root)))
    killed = killed_at(place, place.command(name), at)
    after = contents(place.root)
    lost = {path for path, content in before.items() if after.get(path) != content} - REPLACED.get(name, set())
    assert lost <= {"run/config.json", "run/calibration.json"} | {p for p in lost if p.startswith("run/predictions/")}
    check_whole(place)
    rerun(place, name)
    check_whole(place)
    if name == "train":
        weights = [(place.root / run / "model.safetensors").read_bytes() for run in ("run", "new")]
        assert weights[0] == weights[1], "the run that went on is the one that nothing stopped"
    return killed


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_kill_while_files_are_written_loses_nothing(name: str, original: Place, tmp_path: Path) -> None:
    at = random.Random(f"{name} 0").randint(1, 4)
    assert trial(original, name, at, tmp_path / "place"), "it must be killed to tell anything"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", [*COMMANDS, "export"])
def test_kills_at_other_moments_lose_nothing(name: str, original: Place, tmp_path: Path) -> None:
    for at in sorted(random.Random(f"{name} 1").sample(range(1, 31), 10)):
        if not trial(original, name, at, tmp_path / f"{at}"):
            break
