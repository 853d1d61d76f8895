"""Damaged clips through `recircle index` and `recircle predict`: no crash, no hang, and both say the same of each."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from recircle.manifest.manifest import Manifest
from recircle.run import Run
from tests.fuzz.mutate import mutate_clip
from tests.fuzz.seeds import write_seeds
from tests.small_run import write_run

_SECONDS = 20
"""After how long one clip is given up; a mutant takes some milliseconds, and a full machine some more."""
_CHUNK = 200


@dataclass(frozen=True)
class _Place:
    seeds: list[Path]
    run: Run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> _Place:
    folder = tmp_path_factory.mktemp("fuzz")
    return _Place(write_seeds(folder / "seeds"), write_run(folder / "run"))


def test_200_mutants(place: _Place, tmp_path: Path) -> None:
    _check(place, range(200), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(1000, 11_000, 1000))
def test_10_000_mutants(place: _Place, first: int, tmp_path: Path) -> None:
    for start in range(first, first + 1000, _CHUNK):
        _check(place, range(start, start + _CHUNK), tmp_path / str(start))


def _check(place: _Place, numbers: range, folder: Path) -> None:
    mutants = _write_mutants(place.seeds, numbers, folder / "clips")
    listed = _run(folder, "index", "clips", "--layout", "folder_per_class", "--seconds", str(_SECONDS))
    assert listed.returncode == 0, listed.stderr
    clips = Manifest.read(folder / "clips" / "manifest.csv").clips
    assert {clip.path for clip in clips} == {path.relative_to(folder / "clips").as_posix() for path in mutants}
    faults = {f"clips/{clip.path}": clip.fault if clip.status == "broken" else None for clip in clips}
    files = [path.relative_to(folder).as_posix() for path in mutants]
    predicted = _run(folder, "predict", str(place.run.path), *files, "--json", "--seconds", str(_SECONDS))
    assert predicted.returncode == 1, predicted.stderr
    lines = [json.loads(line) for line in predicted.stdout.splitlines()]
    assert [line["path"] for line in lines] == files
    differing = {line["path"]: (faults[line["path"]], line.get("error")) for line in lines}
    assert not {path: verdicts for path, verdicts in differing.items() if verdicts[0] != verdicts[1]}


def _write_mutants(seeds: list[Path], numbers: range, folder: Path) -> list[Path]:
    paths = []
    for number in numbers:
        rng = np.random.default_rng((20, number))
        seed = seeds[rng.integers(len(seeds))]
        # folders of frames and files apart, each a class, so that neither is taken for a part of the other
        target = folder / ("frames" if seed.is_dir() else "files") / f"{_letters(number)}_{seed.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        paths.append(mutate_clip(seed, seeds, target, rng))
    return paths


def _letters(number: int) -> str:
    """Return a number in letters: images whose names count would be taken for frames."""
    return "".join(chr(ord("a") + number // 26**place % 26) for place in (2, 1, 0))


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "recircle.cli.main", *arguments)
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1200)
    assert "Traceback" not in ended.stderr, ended.stderr
    assert not {character for character in ended.stdout + ended.stderr if ord(character) < 32} - {"\n"}
    return ended
