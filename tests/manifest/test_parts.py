"""Clips that are parts of a longer video, in the manifest and in what divides it."""

import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.manifest.holdout import HeldOut, hold_out
from recircle.manifest.label_checks import warn_labels
from recircle.manifest.manifest import Clip, Manifest


def parts(videos: int, each: int = 4) -> tuple[Clip, ...]:
    return tuple(
        Clip(path=f"{video}.mp4", start=float(n), end=n + 0.75, label="ab"[n % 2], frames=18)
        for video in range(videos)
        for n in range(each)
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_parts_come_back_as_they_were_written(tmp_path: Path, suffix: str) -> None:
    clips = (*parts(2), Clip(path="whole.mp4", label="a", frames=9), Clip(path="0.mp4", label="b", frames=99))
    manifest = Manifest(clips, tmp_path).write(tmp_path / f"m.{suffix}")
    assert Manifest.read(tmp_path / f"m.{suffix}") == manifest
    assert [clip.name for clip in manifest.clips][1::4] == ["0.mp4#t=1,1.75", "1.mp4#t=1,1.75", "0.mp4"]
    assert manifest.path(clips[1]) == tmp_path / "0.mp4"
    assert manifest.address(clips[1]) == tmp_path / "0.mp4#t=1,1.75"


def test_tables_without_parts_have_no_columns_of_them(tmp_path: Path) -> None:
    Manifest((Clip(path="a.mp4", frames=1),), tmp_path).write(tmp_path / "m.csv")
    assert "start" not in (tmp_path / "m.csv").read_text().splitlines()[0]


def test_a_part_is_there_once(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,start,end,frames\na.mp4,1,2,9\na.mp4,2,3,9\na.mp4,1.0,2.000,9\n")
    with pytest.raises(UserError, match=r"line 4: path 'a\.mp4#t=1,2' is there already"):
        Manifest.read(tmp_path / "m.csv")


@pytest.mark.parametrize("row", ["a.mp4,3,2", "a.mp4,2,2", "a.mp4,2,", "a.mp4,-1,2", "a.mp4,nan,2", "a.mp4,x,2"])
def test_a_part_that_cannot_be_is_an_error(tmp_path: Path, row: str) -> None:
    (tmp_path / "m.csv").write_text(f"path,start,end,frames\n{row},9\n")
    with pytest.raises(UserError, match=r"line 2: .*start"):
        Manifest.read(tmp_path / "m.csv")


def test_parts_of_one_video_are_held_out_together(tmp_path: Path) -> None:
    held = hold_out(Manifest(parts(6), tmp_path), 0.3)
    by_video = {clip.path: {other.split for other in held.clips if other.path == clip.path} for clip in held.clips}
    assert sorted(map(len, by_video.values())) == [1] * 6
    assert HeldOut.of(held, 0.3).clips == 8


def test_parts_of_a_single_video_are_divided_if_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give each a group of its own"):
        hold_out(Manifest(parts(1), tmp_path), 0.5)
    asked = tuple(replace(clip, group=clip.name) for clip in parts(1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        held = hold_out(Manifest(asked, tmp_path), 0.5)
        warn_labels(tmp_path / "m.csv", held)
    assert {clip.split for clip in held.clips} == {"train", "val"}
    assert any(
        "1 of 1 videos have parts to train on and parts to evaluate on (0.mp4)" in str(w.message) for w in caught
    )
