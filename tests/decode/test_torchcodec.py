"""The torchcodec backend: the frames of PyAV bit for bit, or PyAV itself and a warning; clear errors without it."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import pytest

from recircle.decode.frames import decode
from recircle.errors import UserError
from tests import media

SCRIPT = Path(__file__).resolve().parents[1] / "torchcodec_frames.py"
Compare = Callable[[Sequence[Path]], dict[Path, Any]]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FFmpeg's libraries as PyAV's wheel brings them, under the names by which torchcodec looks for them."""
    folder = tmp_path_factory.mktemp("ffmpeg")
    for library in (Path(av.__file__).parents[1] / "av.libs").glob("lib*"):
        match = re.match(r"(lib(?:av|sw)[a-z]+)-[0-9a-f]+\.so\.(\d+)", library.name)
        if match:
            (folder / f"{match[1]}.so.{match[2]}").symlink_to(library)
    return folder


@pytest.fixture(scope="module")
def compare(libraries: Path) -> Compare:
    def run(paths: Sequence[Path]) -> dict[Path, Any]:
        search = os.pathsep.join(filter(None, [str(libraries), os.environ.get("LD_LIBRARY_PATH")]))
        command = [sys.executable, str(SCRIPT), *map(str, paths)]
        environment = {**os.environ, "LD_LIBRARY_PATH": search, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        if "skip" in answer:
            pytest.skip(answer["skip"])
        return {Path(path): verdict for path, verdict in answer.items()}

    return run


def test_frames_are_equal_to_those_of_pyav(tmp_path: Path, compare: Compare) -> None:
    frames = media.moving_frames(9)
    by_torchcodec = [
        media.write_video(tmp_path / "h264.mp4", frames),
        media.write_video(tmp_path / "narrow.mp4", media.moving_frames(9, 46, 54)),
        media.write_video(tmp_path / "full_range.mp4", frames, pix_fmt="yuvj420p"),
        media.write_video(tmp_path / "444.mp4", media.moving_frames(5, 49, 65), pix_fmt="yuv444p"),
        media.write_video(tmp_path / "vp9.webm", frames, codec="libvpx-vp9"),
        media.write_video(tmp_path / "vfr.mp4", frames, times=[5, 6, 7, 20, 21, 40, 41, 42, 90]),
        media.turn(media.write_video(tmp_path / "right.mp4", frames), (0, 1, -1, 0)),
        media.turn(media.write_video(tmp_path / "left.mp4", frames), (0, -1, 1, 0)),
        media.turn(media.write_video(tmp_path / "upside_down.mp4", frames), (-1, 0, 0, -1)),
    ]
    by_pyav = {
        media.turn(media.write_video(tmp_path / "mirrored.mp4", frames), (-1, 0, 0, 1)): "mirrored",
        media.write_video(tmp_path / "mpeg4.avi", frames, codec="mpeg4"): "AVI",
        media.write_video(tmp_path / "ffv1.mkv", frames, codec="ffv1"): "codec ffv1",
        media.write_video(tmp_path / "10bit.mp4", frames, pix_fmt="yuv420p10le"): "yuv420p10le",
        media.write_video(tmp_path / "odd.webm", media.moving_frames(5, 49, 65), codec="libvpx-vp9"): "yuv420p",
    }
    verdicts = compare([*by_torchcodec, *by_pyav])
    assert [path for path, verdict in verdicts.items() if not verdict["equal"]] == []
    for path in by_torchcodec:
        assert verdicts[path]["warnings"] == [], path
    for path, reason in by_pyav.items():
        (warning,) = verdicts[path]["warnings"]
        assert "decoded by PyAV instead" in warning
        assert reason in warning


def test_real_files_are_equal_too(shared_data: Path, compare: Compare) -> None:
    nasty = shared_data / "nasty"
    with (nasty / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["result"] == "ok"]
    small = [row for row in rows if int(row["w"]) * int(row["h"]) * int(row["decoded_frames"]) < 5_000_000]
    clips = [nasty / row["path"] for row in small]
    clips += [shared_data / "clips" / "wlasl" / "63048.mp4", nasty / "derived" / "wrong_ext_avi_as.mp4"]
    verdicts = compare(clips)
    assert [path for path, verdict in verdicts.items() if not verdict["equal"]] == []
    used = [path for path, verdict in verdicts.items() if not verdict["warnings"]]
    assert len(used) >= 10


def test_parts_are_equal_too(tmp_path: Path, compare: Compare) -> None:
    frames = media.moving_frames(40)
    steady = media.write_video(tmp_path / "h264.mp4", frames, options={"g": "12", "bf": "3"})
    varying = media.write_video(tmp_path / "vfr.mkv", frames, times=[n + n * n // 20 for n in range(40)])
    avi = media.write_video(tmp_path / "mpeg4.avi", frames, codec="mpeg4")
    parts = [Path(f"{steady}#t={part}") for part in ("0.4,0.84", "0,0.2", "1.2,9", "0.81,0.82")]
    parts += [Path(f"{varying}#t=1,3.5"), Path(f"{avi}#t=0.4,0.8")]
    verdicts = compare(parts)
    assert [path for path, verdict in verdicts.items() if not verdict["equal"]] == []
    assert [path for path, verdict in verdicts.items() if verdict["warnings"]] == [parts[3], parts[5]]


def _package(folder: Path, code: str) -> Path:
    (folder / "torchcodec").mkdir()
    (folder / "torchcodec" / "__init__.py").write_text(code)
    return folder


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ImportError('none')", r"the package is missing; `pip install recircle\[torchcodec\]`, or use backend="),
        ("raise RuntimeError('no libavutil\\nmore')", r"needs FFmpeg's shared libraries.*\(no libavutil\)"),
        ("raise OSError('libnvrtc.so.13')", r"a build that fits torch.*\(libnvrtc\.so\.13\)"),
    ],
)
def test_a_package_that_does_not_load_is_a_user_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchcodec"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(_package(tmp_path, code))
    path = media.write_video(tmp_path / "video.mp4", media.grey_frames(2))
    with pytest.raises(UserError, match=message):
        decode(path, [0], backend="torchcodec")


def test_folders_of_frames_do_not_need_it(tmp_path: Path) -> None:
    folder = media.write_frame_folder(tmp_path / "clip", media.grey_frames(2))
    assert decode(folder, [1], backend="torchcodec").shape == (1, 3, 48, 64)
