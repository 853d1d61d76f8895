"""Probing: the truth about a clip, and processes that outlive hostile files."""

import struct
from pathlib import Path

import pytest

from recircle.decode.probe import Probe, probe
from recircle.decode.pyav import open_video
from tests import media


def test_a_good_video(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "video.mp4", media.grey_frames(9), fps=12)
    assert probe(path) == Probe(9, 12.0, 64, 48, 9, None, "ok")
    assert probe(str(media.turn(path, (0, 1, -1, 0)))) == Probe(9, 12.0, 48, 64, 9, None, "ok")


def test_a_container_that_claims_other_counts(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "video.avi", media.moving_frames(9), codec="mpeg4")
    verdict = probe(media.declare_frames(path, 15))
    assert (verdict.status, verdict.frames, verdict.declared) == ("ok", 9, 15)
    assert verdict.fault == "the container declares 15 frames, 9 decode"
    webm = probe(media.write_video(tmp_path / "video.webm", media.grey_frames(5), codec="libvpx-vp9"))
    assert (webm.frames, webm.declared, webm.fault) == (5, 0, None)


def test_a_video_that_is_cut_short(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "video.avi", media.moving_frames(12), codec="mjpeg", pix_fmt="yuvj420p")
    verdict = probe(media.cut(path, 0.6))
    assert verdict.status == "broken"
    assert 0 < verdict.frames < 12
    assert verdict.fault == f"decoding stops with an error after {verdict.frames} frames: " + (
        "Invalid data found when processing input"
    )
    assert (verdict.width, verdict.height, verdict.declared) == (64, 48, 12)


def test_a_change_of_size_is_remarked(tmp_path: Path) -> None:
    small = media.write_video(tmp_path / "small.h264", media.grey_frames(4, 48, 64))
    large = media.write_video(tmp_path / "large.h264", media.grey_frames(3, 96, 128))
    small.write_bytes(small.read_bytes() + large.read_bytes())
    verdict = probe(small)
    assert (verdict.status, verdict.frames, verdict.width, verdict.height) == ("ok", 7, 64, 48)
    assert verdict.fault == "frames change their size from frame 4 on, and are scaled to the first"


def test_frames_marked_as_damaged_are_remarked(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "video.mp4", media.moving_frames(30, 96, 128))
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 3
    data[middle : middle + 300] = bytes((7 * number) % 251 for number in range(300))
    path.write_bytes(data)
    verdict = probe(path)
    assert "damaged" in (verdict.fault or "") or verdict.status == "broken"


def test_a_file_that_does_not_exist(tmp_path: Path) -> None:
    assert probe(tmp_path / "none.mp4") == Probe(0, 0.0, 0, 0, 0, "file not found", "broken")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_varying_rate_is_told_with_its_times(tmp_path: Path, suffix: str) -> None:
    times = [0, 1, 2, 3, 4, 5, 6, 10, 14, 18, 22]
    path = media.write_video(tmp_path / f"video{suffix}", media.grey_frames(11), fps=20, times=times)
    verdict = probe(path)
    assert (verdict.status, verdict.frames) == ("ok", 11)
    assert verdict.fault == "frame rate varies: 5 to 20 fps; sampled by time"
    assert verdict.frame_times.times == pytest.approx([time / 20 for time in times], abs=1e-3)
    assert verdict.frame_times.seconds > 1.1


def test_avi_numbers_b_frames_as_they_are_stored(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "video.avi", media.moving_frames(30), codec="mpeg4", options={"bf": "2"})
    verdict = probe(path)
    assert (verdict.fault, verdict.durations, verdict.fps) == (None, "", 25.0)


def test_streams_without_times_are_of_the_rate_they_state(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "video.h264", media.grey_frames(5))
    assert (probe(path).fault, probe(path).durations) == (None, "")


@pytest.mark.parametrize("rate", [-25.0, -1e300, float("inf"), float("nan"), 0.0])
def test_a_header_that_claims_no_frame_rate_that_can_be_claims_none(tmp_path: Path, rate: float) -> None:
    path = media.write_video(tmp_path / "negative.flv", media.moving_frames(5))
    data = bytearray(path.read_bytes())
    struct.pack_into(">d", data, data.index(b"framerate\0") + 10, rate)
    path.write_bytes(data)
    with open_video(path) as video:
        assert 0 <= video.fps < 1000
    verdict = probe(path)
    assert (verdict.status, verdict.frames) == ("ok", 5)
    assert verdict.fps == pytest.approx(25, abs=0.1)
