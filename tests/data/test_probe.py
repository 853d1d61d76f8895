"""Probing: the truth about a clip, and processes that outlive hostile files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recircle.data.probe import Probe, probe
from recircle.data.probe_pool import ProbePool
from tests import media

# stands in for the process that probes: it dies of, hangs on, or answers to names
FAKE_WORKER = """
import json, os, sys, time
print("ready", flush=True)
for line in sys.stdin:
    name = os.path.basename(json.loads(line))
    if name == "crash":
        os.abort()
    if name == "hang":
        time.sleep(1000)
    if name == "half":
        print('{"frames": 1', end="", flush=True)
        os._exit(3)
    print(json.dumps(dict(frames=7, fps=1, width=2, height=3, declared=4, fault=None, status="ok")), flush=True)
"""


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


def test_a_pool_gives_the_same_verdicts(tmp_path: Path) -> None:
    paths = [
        media.write_video(tmp_path / "ä b.mp4", media.grey_frames(3)),
        tmp_path / "none.mp4",
        media.write_frame_folder(tmp_path / "frames", media.grey_frames(4)),
    ]
    with ProbePool(2, seconds=60) as pool:
        assert dict(pool.probe(paths)) == {number: probe(path) for number, path in enumerate(paths)}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_pool_survives_crashes_and_hangs(workers: int) -> None:
    names = ["a", "crash", "b", "hang", "crash", "half", "c"]
    with ProbePool(workers, seconds=0.5, command=[sys.executable, "-c", FAKE_WORKER]) as pool:
        verdicts = dict(pool.probe([Path(name) for name in names]))
    assert [verdicts[number].status for number in (0, 2, 6)] == ["ok"] * 3
    assert verdicts[0].frames == 7
    for number in (1, 4):
        assert verdicts[number].status == "broken"
        assert "the decoder crashed (exit status -6)" in (verdicts[number].fault or "")
    assert "the decoder crashed (exit status 3)" in (verdicts[5].fault or "")
    assert verdicts[3].fault == "decoding does not end within 0.5 seconds"


def test_a_pool_that_is_left_early_ends_its_processes() -> None:
    with ProbePool(2, seconds=1000, command=[sys.executable, "-c", FAKE_WORKER]) as pool:
        assert next(pool.probe([Path("a"), *[Path("hang")] * 5]))[0] == 0
    assert all(not worker.alive for worker in pool._workers)


def test_processes_that_do_not_start_are_an_error_of_their_own() -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such module')"]
    with (
        pytest.raises(RuntimeError, match="does not start: no such module"),
        ProbePool(1, seconds=10, command=command) as pool,
    ):
        list(pool.probe([Path("a")]))


def test_probing_does_not_wait_for_torch() -> None:
    code = "import sys, recircle.data.probe_worker; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ}).returncode == 0
