"""Long videos of many actions, whose boundaries are known."""

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from recircle.cli.main import main
from recircle.decode.probe import probe
from recircle.decode.running import Passage, running_frames
from recircle.errors import UserError
from recircle.tabletop import CLASSES, LongConfig, generate_long

CONFIG = LongConfig.of("tiny", videos=2, seconds=30, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long") / "videos"
    generate_long(folder, CONFIG, workers=1)
    return folder


def truth(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_videos_are_as_long_as_asked_for_and_their_actions_part_by_pauses(folder: Path) -> None:
    for name in ("000.mp4", "001.mp4"):
        found = probe(folder / name)
        assert (found.frames, found.fps, found.width) == (180, 6, 64)
        rows = [row for row in truth(folder) if row["video"] == name]
        assert len(rows) >= 5
        assert {row["label"] for row in rows} <= {*CLASSES}
        for before, after in pairwise(rows):
            assert float(after["start"]) - float(before["end"]) >= 2 / 6 - 1e-9
        assert float(rows[0]["start"]) > 0
        assert float(rows[-1]["end"]) < 30


def test_the_picture_changes_where_an_action_is_and_is_cut_where_another_begins(folder: Path) -> None:
    frames = [frame.image.astype(float) for frame in running_frames(folder / "000.mp4", Passage())]
    change = np.array([np.abs(b - a).mean() for a, b in pairwise(frames)])
    rows = [row for row in truth(folder) if row["video"] == "000.mp4"]
    for before, after in pairwise(rows):
        end, start = round(6 * float(before["end"])), round(6 * float(after["start"]))
        assert change[end - 1 : start].max() > 4 * np.median(change)  # the cut


def test_the_same_seed_gives_the_same_files_and_what_is_missing_is_made_again(folder: Path, tmp_path: Path) -> None:
    generate_long(tmp_path / "again", CONFIG, workers=1)
    for name in ("000.mp4", "001.mp4", "truth.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    before = (folder / "000.mp4").stat().st_mtime_ns
    content = (folder / "001.mp4").read_bytes()
    (folder / "001.mp4").unlink()
    generate_long(folder, CONFIG, workers=1)
    assert (folder / "001.mp4").read_bytes() == content
    assert (folder / "000.mp4").stat().st_mtime_ns == before


def test_another_folder_is_not_written_to(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds other long videos"):
        generate_long(folder, LongConfig.of("tiny", videos=3, seconds=30, seed=3))
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UserError, match="is not empty"):
        generate_long(tmp_path, CONFIG)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tabletop", "--output", str(tmp_path / "x"), "--size", "tiny", "--videos", "1", "--workers", "1"]
    assert main([*words, "--long", "0.2"]) == 0
    assert "1 video of 0.2 minutes each" in capsys.readouterr().out
    assert main([*words, "--long", "0.01"]) == 2
    assert "--long 0.01: seconds=0.6" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"videos": 0}, {"seconds": 1.0}, {"seconds": float("inf")}, {"seed": -1}])
def test_numbers_out_of_range_are_told(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LongConfig.of("tiny", **{"videos": 1, "seconds": 60.0, **wrong})  # pyright: ignore
