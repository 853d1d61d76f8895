"""`recircle.index`: a folder becomes a manifest, as by the command."""

from pathlib import Path

import pytest

import recircle
from recircle.cli.main import main
from tests.small_run import write_frames


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(8):
        write_frames(tmp_path / "clips" / ("left", "right")[number % 2] / f"{number}", 4, seed=number)
    return tmp_path / "clips"


def test_it_writes_what_the_command_writes(folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    manifest = recircle.index(folder, holdout=0.25, workers=0, progress=lambda *counts: seen.append(counts))
    assert seen[-1] == (8, 8)
    assert manifest.file == folder / "manifest.csv"
    assert manifest == recircle.Manifest.read(folder / "manifest.csv")
    assert [len(manifest.select(split)) for split in ("train", "val")] == [6, 2]
    again = tmp_path / "again.csv"
    assert main(["index", str(folder), "--holdout", "0.25", "--output", str(again)]) == 0
    assert recircle.Manifest.read(again).relative_to(folder).clips == manifest.clips


def test_a_selection_is_no_longer_the_file(folder: Path) -> None:
    manifest = recircle.index(str(folder), output=str(folder / "all.csv"), workers=0)
    assert manifest.file == folder / "all.csv"
    assert manifest.select(groups=["x"]).file is None
    assert manifest.relative_to(folder.parent).file is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"holdout": 1.0}, "holdout=1 must lie between 0 and 1"),
        ({"workers": -1}, "workers=-1 must be 0"),
        ({"seconds": 0.0}, "seconds=0 must be above 0"),
        ({"output": "clips.txt"}, "csv"),
        ({"layout": "folders"}, "folders"),
    ],
)
def test_what_cannot_be_is_one_sentence(folder: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(recircle.UserError, match=message):
        recircle.index(folder, **arguments)  # pyright: ignore[reportArgumentType]
    assert not (folder / "manifest.csv").exists()
