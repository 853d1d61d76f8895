"""A disk that refuses: one sentence, exit code 2, and what was there before stays as it was, in every command."""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from recircle.cli.main import main
from tests.cli.commands import COMMANDS, Place, contents, know_tiny, write_place

Capture = pytest.CaptureFixture[str]


class _Refusals:
    """Lets the n-th access that changes something below a folder fail; audit hooks stay, so there is one for all."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.at, self.seen, self.number, self.hits = 0, 0, errno.ENOSPC, 0
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.root is None or event not in ("open", "os.rename", "os.mkdir"):
            return
        path = arguments[0]
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path).startswith(self.root):
            return
        # a run that exists already makes its lock without writing
        if os.fspath(path).endswith(".lock"):
            return
        self.seen += 1
        if self.seen == self.at or (self.at and self.seen > self.at and self.lasting):
            self.hits += 1
            raise OSError(self.number, os.strerror(self.number), os.fspath(path))

    @contextmanager
    def below(self, root: Path, at: int, number: int, *, lasting: bool = True) -> Iterator[None]:
        """Refuse the `at`-th access in the block (0: none), and all later ones, as a full disk does."""
        self.at, self.seen, self.number, self.hits, self.lasting = at, 0, number, 0, lasting
        self.root = str(root)
        try:
            yield
        finally:
            self.root = None


@pytest.fixture(scope="module")
def refusals() -> _Refusals:
    return _Refusals()


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    know_tiny(monkeypatch)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Place:
    with pytest.MonkeyPatch.context() as patch:
        know_tiny(patch)
        return write_place(tmp_path_factory.mktemp("place"))


@pytest.fixture
def place(original: Place, tmp_path: Path) -> Place:
    return Place(Path(shutil.copytree(original.root, tmp_path / "place")))


def is_one_sentence(told: str) -> bool:
    errors = [line for line in told.splitlines() if line.startswith("error: ")]
    return len(errors) == 1 and "Traceback" not in told


SLOW = ("explain", "export")
"""Those that take long before they write."""
NUMBERS = (errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EACCES, errno.EDQUOT)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in COMMANDS]
)
def test_whatever_access_is_refused_nothing_earlier_is_lost(
    name: str, place: Place, refusals: _Refusals, capsys: Capture
) -> None:
    before = contents(place.root)
    at = 0
    for code in cycle(NUMBERS):
        at = max(at + 1, at * 4 // 3)
        with refusals.below(place.root, at, code):
            ended = main(place.command(name))
        told = capsys.readouterr().err
        if not refusals.hits:
            assert ended == 0, told
            break
        assert ended == 2, told
        assert is_one_sentence(told), told
        assert os.strerror(code) in told
        after = contents(place.root)
        changed = [path for path, content in before.items() if after.get(path) != content]
        assert set(changed) <= REPLACED.get(name, set()), "what is not to be replaced is as it was"
        assert not [path for path in after if path.endswith(".part")]
        if name in ("train", "resume"):
            break_if_false_promise(place, name, told)
        clean(place, before)


REPLACED = {"resume": {"run/config.json", "run/checkpoints/step-00000001.pt", "run/model.safetensors"}}
"""What a command replaces on purpose, one by one: each is the old or the new."""


def break_if_false_promise(place: Place, name: str, told: str) -> None:
    run = place.root / ("new" if name == "train" else "run")
    if "checkpoint after step" in told:
        step = int(told.partition("checkpoint after step ")[2].split()[0])
        assert (run / "checkpoints" / f"step-{step:08d}.pt").is_file()
    elif "no checkpoint has been written yet" in told:
        assert not list(run.glob("checkpoints/*.pt"))
    else:
        assert not (run / "config.json").exists(), told
        assert "--resume" not in told


def clean(place: Place, before: dict[str, bytes]) -> None:
    """Put the place back as it was."""
    for path in sorted(place.root.rglob("*"), reverse=True):
        relative = str(path.relative_to(place.root))
        if path.is_file() and relative not in before and path.name not in (".lock", "metrics.jsonl"):
            path.unlink()
    shutil.rmtree(place.root / "new", ignore_errors=True)
    shutil.rmtree(place.root / "table", ignore_errors=True)
    for relative, content in before.items():
        (place.root / relative).write_bytes(content)


def test_a_run_goes_on_after_the_disk_was_full(place: Place, refusals: _Refusals, capsys: Capture) -> None:
    new = place.root / "new"
    with refusals.below(place.root, 12, errno.ENOSPC):
        assert main(place.command("train")) == 2
    told = capsys.readouterr().err
    assert f"go on with `recircle train --resume {new}`" in told
    assert main(["train", "--resume", str(new)]) == 0
    assert (new / "model.safetensors").read_bytes() == (place.root / "run" / "model.safetensors").read_bytes()


def test_a_folder_that_vanished_is_one_sentence(place: Place, capsys: Capture) -> None:
    assert main(["index", str(place.root / "clips"), "--output", "/proc/none/m.csv", "--workers", "1"]) == 2
    assert is_one_sentence(capsys.readouterr().err)
