"""Files that end before their container says."""

import re
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from recircle.decode.probe import probe
from tests import media

CONTAINERS = [
    ("clip.mkv", "libx264"),
    ("clip.webm", "libvpx"),
    ("clip.webm", "libvpx-vp9"),
    ("clip.flv", "flv"),
    ("clip.avi", "mpeg4"),
    ("clip.mp4", "libx264"),
]


@pytest.mark.parametrize(("name", "codec"), CONTAINERS)
@pytest.mark.parametrize("keep", [0.5, 0.75, 0.9])
def test_a_cut_download_is_never_plainly_ok(tmp_path: Path, name: str, codec: str, keep: float) -> None:
    path = media.write_video(tmp_path / name, media.moving_frames(48, 96, 128), codec=codec, fps=24)
    whole = probe(path)
    assert (whole.status, whole.fault, whole.frames) == ("ok", None, 48)
    verdict = probe(media.cut(path, keep))
    assert verdict.frames < 48
    assert verdict.status == "broken" or "declares" in (verdict.fault or "")


def test_both_durations_are_named(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "clip.webm", media.moving_frames(48, 96, 128), codec="libvpx", fps=24)
    verdict = probe(media.cut(path, 0.75))
    found = re.fullmatch(r"the container declares 2 s, frames end at ([\d.]+) s", verdict.fault or "")
    assert found
    assert float(found[1]) == pytest.approx(verdict.frames / 24, abs=0.005)


@pytest.mark.parametrize("tagged", [True, False])
def test_sound_that_is_longer_accuses_nobody(tmp_path: Path, tagged: bool) -> None:
    both = tmp_path / "both.mkv"
    with av.open(str(both), "w") as container:
        video: Any = container.add_stream("libx264", rate=24)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        sound: Any = container.add_stream("aac", rate=48000)
        sound.layout = "mono"
        for number, image in enumerate(media.moving_frames(24)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(video.encode(frame))
        silence: Any = np.zeros((1, 5 * 48000), np.float32)
        samples = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        samples.sample_rate, samples.pts = 48000, 0
        container.mux(sound.encode(samples))
        for stream in (video, sound):
            container.mux(stream.encode(None))
    if not tagged:  # as other programs write it: only the duration of the whole file
        both.write_bytes(both.read_bytes().replace(b"DURATION", b"SOMEWHAT"))
    verdict = probe(both)
    assert (verdict.status, verdict.frames, verdict.fault) == ("ok", 24, None)


def test_the_shared_cases(shared_data: Path, tmp_path: Path) -> None:
    cases = shared_data.parent / "cases/lists_and_folders/09_truncated"
    if not cases.is_dir():
        pytest.skip("the cases beside the checkout (../shared/cases) are not there")
    ends = {"cut.mkv": "0.041", "cut75.mkv": "0.374"}
    for name, end in ends.items():
        found = next(cases.rglob(name))
        verdict = probe(shutil.copy(found, tmp_path / name))
        assert verdict.fault == f"the container declares 1 s, frames end at {end} s"


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_gif_is_never_plainly_ok(tmp_path: Path, keep: float) -> None:
    path = media.write_video(tmp_path / "clip.gif", media.moving_frames(12), codec="gif", pix_fmt="rgb8", fps=10)
    path.write_bytes(path.read_bytes() + b"\0" * 7)
    assert probe(path).fault is None
    verdict = probe(media.cut(path, keep))
    assert verdict.status == "broken" or "without the mark that ends a GIF" in (verdict.fault or "")
