"""`recircle predict`: a table, or one JSON object per line, and 1 where a file is broken."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.decode import pool as decoder_pool
from recircle.inference.recognizer import Recognizer
from recircle.layouts.index import index_folder
from recircle.run import Run
from tests.media import moving_frames, write_video
from tests.small_run import LABELS, write_frames, write_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("media")
    return [write_frames(folder / f"clip [{number}]", 6, seed=number) for number in range(2)]


def predict(run: Run, files: list[Path], *options: str) -> int:
    return main(["predict", str(run.path), *map(str, files), *options])


def test_json_is_what_the_recogniser_says(run: Run, clips: list[Path], capsys: Capture) -> None:
    assert predict(run, clips, "--json", "--top", "2", "--clips", "2") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rec = Recognizer.load(run.path, clips=2)
    assert lines == [{"path": str(clip), **rec(clip).to_dict(2)} for clip in clips]


def test_the_table_has_files_classes_and_the_protocol(run: Run, clips: list[Path], capsys: Capture) -> None:
    assert predict(run, clips) == 0
    printed = capsys.readouterr().out
    for clip in clips:
        assert str(clip) in printed
    for label in LABELS:
        assert printed.count(label) == 2
    assert "protocol: 4 frames by time x 1 clip x 1 crop of 32 px from 36 px, softmax mean" in printed


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_broken_file_is_reported_in_its_place_and_the_others_go_on(
    options: list[str], run: Run, clips: list[Path], tmp_path: Path, capsys: Capture
) -> None:
    torn = tmp_path / "torn.mp4"
    torn.write_text("no video")
    assert predict(run, [clips[0], torn, clips[1]], *options) == 1
    printed = capsys.readouterr()
    places = [printed.out.index(str(path)) for path in (clips[0], torn, clips[1])]
    assert places == sorted(places)
    if options:
        (line,) = [line for line in printed.out.splitlines() if "torn.mp4" in line]
        assert set(json.loads(line)) == {"path", "error"}
    else:
        assert "1 of 3 files cannot be decoded" in printed.err


def test_a_file_that_kills_its_decoder_costs_itself_and_index_says_the_same(
    run: Run, clips: list[Path], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import recircle.decode.probe as p, recircle.decode.pyav as d, os, time; open_video = d.open_video\n"
        "def hostile(path):\n"
        "    if path.name == 'abort.mp4': os.abort()\n"
        "    if path.name == 'hang.mp4': time.sleep(1000)\n"
        "    if path.name == 'flood.mp4': bytearray(2**40)\n"
        "    return open_video(path)\n"
        "p.open_video = hostile; from recircle.decode.worker import main; main()"
    )
    monkeypatch.setattr(decoder_pool, "COMMAND", (*decoder_pool.COMMAND[:-1], code))
    names = ["abort.mp4", "flood.mp4", "good.mp4", "hang.mp4"]
    files = [write_video(tmp_path / name, moving_frames(5, 48, 64)) for name in names]
    assert predict(run, [*files, clips[0]], "--json", "--seconds", "3") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in line for line in lines] == [True, True, False, True, False]
    found = index_folder(tmp_path, seconds=3)
    assert [clip.fault for clip in found.clips] == [line.get("error", "") for line in lines[:4]]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_ctrl_c_ends_a_prediction_at_once_and_without_a_trace(run: Run, clips: list[Path], tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "stalled", 3, seed=0)
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from recircle.decode import decoder_process, pool\n"
        "stalls = 'import time, recircle.decode.worker as w\\n"
        "w.read_whole_file = lambda path: time.sleep(1000)\\n"
        "w.main()'\n"
        "pool.COMMAND = (*pool.COMMAND[:-1], stalls)\n"
        "process = decoder_process.DecoderProcess\n"
        "ask = process.ask\n"
        "process.ask = lambda *a: (ask(*a), print('asked', file=sys.stderr, flush=True))\n"
        "from recircle.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "predict", str(run.path), str(frames), str(clips[0]), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.replace("asked\n", "") == "error: interrupted\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seconds", "0"], "--seconds 0 must be above 0"),
        (["--top", "0"], "--top 0 must be 1 or more"),
        (["--clips", "0"], "--clips 0 must be 1 or more"),
        (["--workers", "0"], "--workers 0 must be 1 or more"),
        (["--device", "abacus"], "device 'abacus' cannot be used here"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    options: list[str], words: str, run: Run, clips: list[Path], capsys: Capture
) -> None:
    assert predict(run, clips, *options) == 2
    assert words in capsys.readouterr().err


def test_no_file_or_no_run_is_one_sentence(run: Run, clips: list[Path], tmp_path: Path, capsys: Capture) -> None:
    assert predict(run, []) == 2
    assert "give at least one video file" in capsys.readouterr().err
    assert predict(Run(tmp_path), clips) == 2
    assert "holds no trained model" in capsys.readouterr().err


def test_a_folder_of_videos_and_one_with_a_pipe_are_told(
    run: Run, clips: list[Path], tmp_path: Path, capsys: Capture
) -> None:
    videos, pipe = tmp_path / "videos", write_frames(tmp_path / "pipe", 4, seed=1)
    write_video(videos / "a.mp4", moving_frames(4))
    write_frames(tmp_path / "pictures", 1, seed=1).joinpath("000.png").rename(videos / "poster.png")
    os.mkfifo(pipe / "004.png")
    assert predict(run, [videos, pipe, clips[0]], "--json") == 1
    first, second, third = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["error"].startswith("is a folder of videos (1: a.mp4, beside an image) and not one clip; name the")
    assert second["error"] == "004.png cannot be decoded: is not a regular file"
    assert third["label"] in LABELS
    assert main(["explain", str(run.path), str(videos), "--output", str(tmp_path / "out")]) == 2
    assert "is a folder of videos" in " ".join(capsys.readouterr().err.split())
