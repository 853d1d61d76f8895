"""`recircle watch`: a pipe is the timeline of its file, and signals end it cleanly."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.inference.recognizer import Recognizer
from recircle.run import Run
from tests.decode.test_live import server
from tests.media import moving_frames, write_video
from tests.small_run import SPEC, write_run

Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and signals")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("live") / "s.ts", moving_frames(60), fps=25, options={"g": "5"})


def start(run: Run, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "recircle.cli.main", "watch", str(run.path), *words]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **pipes)  # pyright: ignore


def test_standard_input_is_the_timeline_of_the_file(run: Run, stream: Path) -> None:
    command = [sys.executable, "-m", "recircle.cli.main", "watch", str(run.path), "-", "--window", "1", "--json"]
    done = subprocess.run(command, input=stream.read_bytes(), capture_output=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    timeline = Recognizer.load(run.path).timeline(stream, window=1)
    assert [line["start"] for line in lines] == timeline.starts.tolist()
    assert [line["end"] for line in lines] == timeline.ends.tolist()
    assert [line["probability"] for line in lines] == timeline.probabilities.max(1).tolist()
    assert all(line["latency"] >= 0 and line["dropped"] == 0 for line in lines)


def test_a_causal_run_is_watched_frame_by_frame(stream: Path, run: Run, tmp_path: Path, capsys: Capture) -> None:
    causal = write_run(tmp_path / "causal", replace(SPEC, model=replace(SPEC.model, causal=True)))
    assert main(["watch", str(causal.path), str(stream), "--once", "--online", "--every", "0.4", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["frames"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [round(line["end"] - line["start"], 2) for line in lines] == [0, 0.4, 0.8, 1.2, 1.6, 2.0]
    for words, said in (
        (["--online", "--window", "1"], "leave out --window and --stride"),
        (["--every", "1"], "--every is for --online"),
        (["--online", "--every", "0"], "tsm_resnet18 was not created, and trained, with causal=True"),
    ):
        assert main(["watch", str(run.path), str(stream), *words]) == 2
        assert said in " ".join(capsys.readouterr().err.split())


def test_what_a_pipe_cannot_give_is_told(run: Run, tmp_path: Path) -> None:
    # the index of such a file stands at its end, which a pipe does not know yet
    video = write_video(tmp_path / "clip.mp4", moving_frames(60, 96, 128) * 5)
    command = [sys.executable, "-m", "recircle.cli.main", "watch", str(run.path), "-", "--window", "1"]
    done = subprocess.run(command, input=video.read_bytes(), capture_output=True)
    assert done.returncode == 1
    assert b"the source is lost: decoding stops with an error after 0 frames" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_what_was_seen(number: signal.Signals, run: Run, stream: Path) -> None:
    process = start(run, "-", "--window", "1", "--stride", "0.5", "--form", "mpegts")
    assert process.stdin is not None
    assert process.stdout is not None
    os.write(process.stdin.fileno(), stream.read_bytes())  # and the pipe stays open
    first = process.stdout.readline()
    assert "0.00 to 1.00 s" in first
    assert "dropped)" in first
    process.send_signal(number)
    rest, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "0 frames dropped" in said
    assert "Traceback" not in said + rest


def test_a_server_that_hangs_up_is_told_of_and_lost_in_the_end(
    run: Run, stream: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with server(stream.read_bytes(), answers=2) as (url, _):
        assert main(["watch", str(run.path), url, "--window", "0.5", "--lag", "60", "--tries", "1"]) == 1
    printed = capsys.readouterr()
    assert "connected again, 1 time so far (" in printed.err
    assert "the source is lost" in printed.err
    assert printed.out.count("latency") > 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.ts", "--window", "1"], "nothing.ts is not there"),
        (["-", "--window", "0"], "--window 0 must be above 0"),
        (["-", "--window", "1", "--threshold", "3"], "--threshold 3 is a probability"),
        (["-"], "say how long a window is"),
    ],
)
def test_what_is_wrong_is_told(words: list[str], said: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(run.path), *words]) == 2
    assert said in capsys.readouterr().err
