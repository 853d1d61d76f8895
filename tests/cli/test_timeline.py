"""`recircle timeline`: segments of long videos, as files and as figures."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.inference.recognizer import Recognizer
from recircle.layouts.label_studio_tasks import frames_between
from recircle.run import Run
from recircle.timelines.timeline import Timeline
from tests.media import moving_frames, write_frame_folder, write_video
from tests.small_run import LABELS, write_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("media")
    return [write_video(folder / f"{number}.mp4", moving_frames(40 + number), fps=10) for number in range(2)]


def timeline(run: Run, videos: list[Path], *options: str) -> int:
    return main(["timeline", str(run.path), *map(str, videos), "--window", "1", *options])


def test_all_that_is_written_says_the_same(run: Run, videos: list[Path], tmp_path: Path, capsys: Capture) -> None:
    forms = ("csv", "json", "vtt", "label-studio", "html", "png")
    assert timeline(run, videos, "--output", str(tmp_path), "--threshold", "0", "--forms", *forms) == 0
    rec = Recognizer.load(run.path)
    rows = list(csv.DictReader((tmp_path / "segments.csv").read_text().splitlines()))
    tasks = json.loads((tmp_path / "label_studio.json").read_text())
    for video, task in zip(videos, tasks):
        expected = rec.timeline(video, window=1)
        kept = Timeline.load(tmp_path / f"{video.name}.timeline.npz")
        assert (kept.logits == expected.logits).all()
        values = json.loads((tmp_path / f"{video.name}.json").read_text())
        segments = values["segments"]
        assert len(segments) >= 1
        assert segments[0]["start"] == 0
        assert segments[-1]["end"] == pytest.approx(expected.seconds)
        mine = [row for row in rows if row["video"] == str(video)]
        assert [(float(row["start"]), float(row["end"]), row["label"]) for row in mine] == [
            (one["start"], one["end"], one["label"]) for one in segments
        ]
        assert len(values["scores"]["probabilities"]) == len(expected) == values["windows"]
        cues = (tmp_path / f"{video.name}.vtt").read_text()
        assert cues.startswith("WEBVTT\n")
        assert cues.count(" --> ") == len(segments)
        results = task["predictions"][0]["result"]
        assert [one["value"]["ranges"][0]["start"] for one in results] == [
            frames_between(one["start"], one["end"], 24)[0] for one in segments
        ]
        assert (tmp_path / f"{video.name}.png").read_bytes().startswith(b"\x89PNG")
        page = (tmp_path / f"{video.name}.html").read_text()
        assert "data:video/mp4;base64," in page
        assert page.count('<rect x="0.') >= len(segments)
    assert set(LABELS) & set((tmp_path / "label_studio.xml").read_text().split('"'))
    assert "1 s, each 0.25 s" in capsys.readouterr().out


def test_what_is_kept_is_read_and_not_made_again(
    run: Run, videos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    whole = Recognizer.timeline

    def count(self: Recognizer, path: Path, **options: object) -> Timeline:
        made.append(path)
        return whole(self, path, **options)  # pyright: ignore

    monkeypatch.setattr(Recognizer, "timeline", count)
    options = ["--output", str(tmp_path), "--forms", "csv"]
    assert timeline(run, videos[:1], *options) == 0
    assert timeline(run, videos, *options, "--threshold", "0.9", "--smoothing", "1") == 0
    assert made == videos
    assert timeline(run, videos, *options, "--stride", "0.5") == 0
    (tmp_path / f"{videos[0].name}.timeline.npz").write_bytes(b"damaged")
    assert timeline(run, videos, *options, "--stride", "0.5") == 0
    assert made == [*videos, *videos, videos[0]]


def test_segments_are_printed_or_one_json_object_a_line(run: Run, videos: list[Path], capsys: Capture) -> None:
    assert timeline(run, videos, "--threshold", "0", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["video"] for line in lines] == [str(video) for video in videos]
    assert timeline(run, videos, "--threshold", "0") == 0
    printed = capsys.readouterr().out
    for line in lines:
        for segment in line["segments"]:
            assert segment["label"] in printed


def test_the_truth_is_measured(run: Run, videos: list[Path], tmp_path: Path, capsys: Capture) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text(f"video,start,end,label\n{videos[0]},0,2,lift\n{videos[0]},2,4,push left\n")
    out = tmp_path / "out"
    options = ["--truth", str(truth), "--resamples", "20", "--threshold", "0"]
    assert timeline(run, videos, *options, "--output", str(out), "--forms", "html") == 0
    printed = capsys.readouterr()
    for name in ("frame accuracy", "edit score", "F1@50", "mAP@0.7"):
        assert name in printed.out
    assert f"says nothing of {videos[1]}" in printed.err
    figures = json.loads((out / "metrics.json").read_text())
    assert figures["videos"] == 2
    assert timeline(run, videos[:1], *options, "--json") == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["true_segments"] == 2


def test_a_broken_video_is_reported_and_the_others_go_on(
    run: Run, videos: list[Path], tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    assert timeline(run, [tmp_path / "text.mp4", videos[0]], "--output", str(tmp_path / "out")) == 1
    printed = capsys.readouterr()
    assert "text.mp4: cannot be opened as a video" in printed.err
    assert "1 of 2 videos cannot be decoded" in printed.err
    assert (tmp_path / "out" / f"{videos[0].name}.json").is_file()
    images = write_frame_folder(tmp_path / "images", moving_frames(12))
    assert timeline(run, [images], "--json") == 1
    assert "say how many are shown a second" in json.loads(capsys.readouterr().out)["error"]
    assert timeline(run, [images], "--json", "--fps", "6") == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--window", "0"], "--window 0 must be above 0"),
        (["--stride", "-1"], "--stride -1 must be above 0"),
        (["--threshold", "2"], "--threshold=2.0 is a probability"),
        (["--background", "nothing"], "--background nothing: the network knows no such class"),
        (["--truth", "none.csv"], "none.csv"),
    ],
)
def test_wrong_options_are_told(options: list[str], said: str, run: Run, videos: list[Path], capsys: Capture) -> None:
    assert main(["timeline", str(run.path), str(videos[0]), *options]) == 2
    assert said in capsys.readouterr().err


def test_two_videos_of_one_name_need_outputs_of_their_own(
    run: Run, videos: list[Path], tmp_path: Path, capsys: Capture
) -> None:
    assert timeline(run, [videos[0], tmp_path / "0.mp4"], "--output", str(tmp_path / "out")) == 2
    assert "have the same name" in capsys.readouterr().err


def test_without_a_window_the_length_of_the_training_clips_counts_or_is_asked(
    run: Run, videos: list[Path], capsys: Capture
) -> None:
    assert main(["timeline", str(run.path), str(videos[0])]) == 2
    assert "say how long a window is, --window SECONDS" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_after_ctrl_c_the_same_command_goes_on(run: Run, videos: list[Path], tmp_path: Path) -> None:
    long = write_video(tmp_path / "long.mp4", moving_frames(40) * 200, fps=10)
    words = [str(videos[0]), str(long), "--window", "1", "--stride", "0.1", "--output", str(tmp_path / "out")]
    # a shell in the background lets its processes ignore SIGINT
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from recircle.cli.main import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "timeline", str(run.path), *words],
        stderr=subprocess.PIPE,
        text=True,
    )
    kept = tmp_path / "out" / f"{videos[0].name}.html"
    for _ in range(600):
        if kept.is_file() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search("interrupted; [01] of 2 videos done; the same command goes on", said)
