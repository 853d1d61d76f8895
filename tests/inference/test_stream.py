"""Streams and timelines: each window is the recognition of the clip that its frames are, bit for bit."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from recircle.decode.error import DecodeError
from recircle.decode.running import Passage, running_frames
from recircle.errors import UserError
from recircle.inference.recognizer import Recognizer
from recircle.inference.stream import Window
from recircle.timelines.timeline import Timeline
from tests.media import moving_frames, write_frame_folder, write_video
from tests.small_run import write_run

UNEVEN = [0, 1, 2, 4, 5, 9, 10, 11, 12, 14, 15, 16, 22, 23, 24, 25, 26, 28, 29, 30, 31, 33, 36, 37, 38, 39, 40]


@pytest.fixture(scope="module")
def rec(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return Recognizer.load(write_run(tmp_path_factory.mktemp("runs") / "run").path)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("media")
    frames = moving_frames(len(UNEVEN))
    return {
        "steady": write_video(folder / "steady.mp4", frames, fps=12),
        "uneven": write_video(folder / "uneven.mkv", frames, fps=12, times=UNEVEN),
        "avi": write_video(folder / "b-frames.avi", frames, fps=12),
        "raw": write_video(folder / "raw.264", frames, fps=25),
        "short": write_video(folder / "short.mp4", frames[:2], fps=12),
        "one": write_video(folder / "one.mp4", frames[:1], fps=12),
        "gif": write_video(folder / "moving.gif", frames, codec="gif", pix_fmt="rgb8", fps=10),
        "images": write_frame_folder(folder / "images", frames),
    }


KINDS = ("steady", "uneven", "avi", "raw", "short", "one", "gif", "images")


def same(windows: Sequence[Window], timeline: Timeline) -> None:
    np.testing.assert_array_equal([one.start for one in windows], timeline.starts)
    np.testing.assert_array_equal([one.end for one in windows], timeline.ends)
    np.testing.assert_array_equal([one.frames for one in windows], timeline.frames)
    np.testing.assert_array_equal(np.stack([one.recognition.logits for one in windows]), timeline.logits)
    np.testing.assert_array_equal(np.stack([one.recognition.probabilities for one in windows]), timeline.probabilities)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("clips", "crops"), [(1, 1), (2, 3)])
def test_one_window_over_a_whole_clip_is_its_recognition_bit_for_bit(
    kind: str, clips: int, crops: Any, media: dict[str, Path], rec: Recognizer, tmp_path: Path
) -> None:
    if (clips, crops) != (1, 1):
        rec = Recognizer.load(write_run(tmp_path / "run").path, clips=clips, crops=crops)
    timeline = rec.timeline(media[kind], window=60, fps=12)
    clip = rec(media[kind])
    assert len(timeline) == 1
    np.testing.assert_array_equal(timeline.logits[0], clip.logits)
    np.testing.assert_array_equal(timeline.probabilities[0], clip.probabilities)
    assert timeline.protocol == rec.protocol
    assert timeline.notes == ()


def test_a_window_as_long_as_the_clip_is_one_window(media: dict[str, Path], rec: Recognizer) -> None:
    timeline = rec.timeline(media["steady"], window=len(UNEVEN) / 12)
    assert (len(timeline), timeline.frames.tolist()) == (1, [len(UNEVEN)])
    assert timeline.seconds == pytest.approx(len(UNEVEN) / 12)
    np.testing.assert_array_equal(timeline.logits[0], rec(media["steady"]).logits)


def test_each_window_is_the_recognition_of_its_frames(media: dict[str, Path], rec: Recognizer) -> None:
    frames = [frame.image for frame in running_frames(media["steady"], Passage())]
    timeline = rec.timeline(media["steady"], window=0.75, stride=0.25)
    firsts = [round(12 * start) for start in timeline.starts]
    assert firsts == [0, 3, 6, 9, 12, 15, 18]
    for first, count, logits in zip(firsts, timeline.frames.tolist(), timeline.logits):
        assert count == 9
        np.testing.assert_array_equal(logits, rec(np.stack(frames[first : first + count])).logits)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(("steady", "uneven", "images")),
    pieces=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    window=st.sampled_from((0.1, 0.4, 1.0, 1.3, 5.0)),
    stride=st.sampled_from((0.2, 0.25, 1.5)),
    batch_size=st.sampled_from((1, 3)),
)
def test_a_stream_of_a_files_frames_is_its_timeline_whatever_the_pieces(
    kind: str,
    pieces: list[int],
    window: float,
    stride: float,
    batch_size: int,
    media: dict[str, Path],
    rec: Recognizer,
) -> None:
    timeline = rec.timeline(media[kind], window=window, stride=stride, fps=12, batch_size=batch_size)
    passage = Passage()
    frames = list(running_frames(media[kind], passage, fps=12))
    stream = rec.stream(window=window, stride=stride, fps=passage.fps, batch_size=batch_size)
    made: list[Window] = []
    at = 0
    while at < len(frames):
        size = pieces[at % len(pieces)]
        part = frames[at : at + size]
        if size == 1:
            made += stream.push(part[0].image, part[0].time)
        else:
            made += stream.push(np.stack([one.image for one in part]), [one.time for one in part])
        at += size
    made += stream.finish(frames[-1].end)
    same(made, timeline)


def test_a_window_is_there_with_the_first_frame_beyond_it(rec: Recognizer) -> None:
    stream = rec.stream(window=0.5, stride=0.25)
    made = [len(stream.push(frame, number / 12)) for number, frame in enumerate(moving_frames(14))]
    assert made == [0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0]
    assert [window.number for window in stream.finish()] == [3]


def test_memory_holds_no_more_than_a_window(rec: Recognizer) -> None:
    stream = rec.stream(window=0.5, stride=0.25)
    frame = moving_frames(1)[0]
    held = []
    for number in range(200):
        stream.push(frame, number / 10)
        held.append(len(stream._ring))
    assert max(held) <= 7


def test_frames_may_be_images_or_tensors_and_their_memory_used_again(rec: Recognizer) -> None:
    frames = moving_frames(8)
    streams = [rec.stream(window=1) for _ in range(3)]
    shared = frames[0].copy()
    for number, frame in enumerate(frames):
        shared[:] = frame
        for stream, form in zip(streams, (shared, Image.fromarray(frame), frame)):
            stream.push(form, number / 8)
    first, *others = [stream.finish()[0].recognition.logits for stream in streams]
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_after_a_long_pause_windows_go_on_where_frames_are(rec: Recognizer) -> None:
    stream = rec.stream(window=1, stride=0.5)
    frame = moving_frames(1)[0]
    times = [*np.arange(0, 2, 0.1), *np.arange(1e7 + 0.05, 1e7 + 1.2, 0.1)]
    made = [window for time in times for window in stream.push(frame, time)] + stream.finish()
    assert all(window.frames > 0 for window in made)
    assert made[0].start == 0
    assert made[-1].end == pytest.approx(1e7 + 1.25)
    assert len(made) < 12


def test_what_cannot_be_pushed_is_told(rec: Recognizer) -> None:
    frame = moving_frames(1)[0]
    for given_times, said in (
        ({"window": 0}, "window=0: give a number of seconds above 0"),
        ({"window": 1, "stride": float("nan")}, "stride=nan"),
        ({"window": 1, "batch_size": 0}, "batch_size=0"),
    ):
        with pytest.raises(UserError, match=said):
            rec.stream(**given_times)
    stream = rec.stream(window=1)
    stream.push(frame, 2.0)
    for frames, times, said in (
        (frame, 1.5, "a frame of 1.5 s comes after one of 2 s"),
        (np.stack([frame, frame]), [3.0], "1 times for 2 frames"),
        (frame[:20], 3.0, "64 x 20 and 64 x 48 pixels"),
        (frame, float("inf"), "give the second"),
        ("clip.mp4", 3.0, "several files"),
    ):
        with pytest.raises(UserError, match=said):
            stream.push(frames, times)
    assert stream.finish()[0].frames == 1
    assert stream.finish() == []
    with pytest.raises(UserError, match="the stream is finished"):
        stream.push(frame, 4.0)


def test_a_broken_frame_in_the_middle_costs_itself(media: dict[str, Path], rec: Recognizer, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(media["images"], tmp_path / "images"))
    (folder / "00009.png").write_bytes(b"no image")
    timeline = rec.timeline(folder, window=0.5, stride=0.5, fps=12)
    whole = rec.timeline(media["images"], window=0.5, stride=0.5, fps=12)
    assert timeline.frames.tolist() == [6, 5, *whole.frames[2:].tolist()]
    np.testing.assert_array_equal(timeline.logits[[0, 2, 3]], whole.logits[[0, 2, 3]])
    assert len(timeline.notes) == 1
    assert timeline.notes[0].startswith("1 frame left out; the first: 00009.png cannot be decoded")


def test_a_damaged_video_goes_on_after_the_damage(rec: Recognizer, tmp_path: Path) -> None:
    frames = moving_frames(60, 96, 128)
    path = write_video(tmp_path / "damaged.mkv", frames, codec="mpeg4", fps=12, options={"g": "12", "b": "4000000"})
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 4000] = bytes(4000)
    path.write_bytes(content)
    timeline = rec.timeline(path, window=1, stride=1)
    assert timeline.notes
    assert timeline.seconds == pytest.approx(5, abs=0.2)
    assert timeline.ends[-1] == pytest.approx(5, abs=0.2)


def test_what_has_no_time_or_no_frames_is_told(media: dict[str, Path], rec: Recognizer, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="say how many are shown a second"):
        rec.timeline(media["images"], window=1)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(DecodeError, match="cannot be opened"):
        rec.timeline(tmp_path / "text.mp4", window=1)
    with pytest.raises(UserError, match="window=-1"):
        rec.timeline(media["steady"], window=-1)


def test_progress_is_told_in_seconds(media: dict[str, Path], rec: Recognizer) -> None:
    told: list[tuple[float, float]] = []
    rec.timeline(media["steady"], window=1, progress=lambda *now: told.append(now))
    assert told[0] == (0.0, pytest.approx(len(UNEVEN) / 12, abs=0.01))
