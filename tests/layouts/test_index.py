"""Indexing: a folder becomes a manifest that tells the truth about each clip."""

from pathlib import Path

import pytest

from recircle.decode import pool as decoder_pool
from recircle.errors import UserError
from recircle.layouts import index
from recircle.layouts.index import index_folder
from recircle.manifest.manifest import Clip, Manifest
from tests import media


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    media.write_video(folder / "lift" / "ä 1.mp4", media.grey_frames(5), fps=10)
    media.turn(media.write_video(folder / "lift" / "2.mp4", media.grey_frames(4)), (0, 1, -1, 0))
    media.write_frame_folder(folder / "push" / "clip10", media.grey_frames(3))
    media.write_frame_folder(folder / "push" / "clip9", [*media.grey_frames(2), *media.grey_frames(1, 20, 30)])
    (folder / "push" / "torn.avi").write_bytes(b"RIFF")
    (folder / "notes.txt").write_text("no clip")
    return folder


@pytest.mark.parametrize("workers", [0, 2])
def test_each_clip_is_recorded_in_order(folder: Path, workers: int) -> None:
    manifest = index_folder(folder, workers=workers)
    assert manifest.root == folder
    first, turned, frames, mixed, torn = manifest.clips
    size = (folder / "lift" / "ä 1.mp4").stat().st_size
    turned_size = (folder / "lift" / "2.mp4").stat().st_size
    assert turned == Clip(path="lift/ä 1.mp4", label="lift", frames=5, fps=10, width=64, height=48, size=size)
    assert first == Clip(path="lift/2.mp4", label="lift", frames=4, fps=25, width=48, height=64, size=turned_size)
    total = sum(file.stat().st_size for file in (folder / "push" / "clip10").iterdir())
    assert mixed == Clip(path="push/clip10", label="push", frames=3, width=64, height=48, size=total)
    assert (frames.path, frames.status, frames.frames) == ("push/clip9", "broken", 2)
    assert frames.fault == "frames differ in size: 00003.png has 30 x 20 pixels, others 64 x 48"
    assert (torn.path, torn.status, torn.frames, torn.size) == ("push/torn.avi", "broken", 0, 4)
    assert "cannot be opened as a video" in torn.fault


def test_the_manifest_is_written_where_asked(folder: Path, tmp_path: Path) -> None:
    for name in ("m.csv", "m.parquet"):
        written = index_folder(folder, workers=0, output=tmp_path / "lists" / name)
        assert written.root == tmp_path / "lists"
        assert written.clips[0].path == "../data/lift/2.mp4"
        assert Manifest.read(tmp_path / "lists" / name) == written


def test_an_output_that_cannot_be_written_is_found_before_the_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "find_clips", lambda *_: pytest.fail("the folder was searched"))
    with pytest.raises(UserError, match=r"a \.csv or \.parquet file"):
        index_folder(folder, output=tmp_path / "m.xlsx")


@pytest.mark.parametrize("workers", [0, 2])
def test_progress_counts_to_the_end(folder: Path, workers: int) -> None:
    seen: list[tuple[int, int]] = []
    index_folder(folder, workers=workers, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 5) for number in range(1, 6)]


def test_what_a_list_names_and_is_missing_is_a_broken_row(folder: Path, tmp_path: Path) -> None:
    path = folder / "list.csv"
    path.write_text("push/clip10,push\nlift/gone.mp4,lift\n")
    kept, gone = index_folder(path, workers=1, output=tmp_path / "m.csv").clips
    assert (kept.path, kept.frames, kept.status) == ("data/push/clip10", 3, "ok")
    assert gone == Clip(path="data/lift/gone.mp4", label="lift", status="broken", fault="file not found")


def test_a_list_that_counts_frames_otherwise_is_remarked(folder: Path) -> None:
    path = folder / "list.txt"
    path.write_text("push/clip10 7 0\nlift/2.mp4 4 1\n")
    (folder / "classes.txt").write_text("push\nlift\n")
    first, second = index_folder(path, workers=0, labels=folder / "classes.txt").clips
    assert (first.label, first.status, first.frames) == ("push", "ok", 3)
    assert first.fault == "the list says 7 frames, 3 decode"
    assert (second.label, second.fault) == ("lift", "")


def test_a_clip_that_kills_its_decoder_costs_one_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import recircle.decode.worker as w, os, time, sys; probe = w.probe\n"
        "def hostile(path):\n"
        "    if path.endswith('2.mp4'): os.abort()\n"
        "    if path.endswith('torn.avi'): time.sleep(1000)\n"
        "    return probe(path)\n"
        "w.probe = hostile; w.main()"
    )
    monkeypatch.setattr(decoder_pool, "COMMAND", (*decoder_pool.COMMAND[:-1], code))
    crashed, *others, hung = index_folder(folder, workers=2, seconds=3).clips
    assert (crashed.status, crashed.fault) == ("broken", "the decoder crashed (SIGABRT)")
    assert (hung.status, hung.fault) == (
        "broken",
        "decoding does not end within 3 seconds (--seconds, or --data.seconds, allows more)",
    )
    assert [clip.frames for clip in others] == [5, 2, 3]


def test_a_folder_without_clips_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no videos and no folders of frames"):
        index_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []
