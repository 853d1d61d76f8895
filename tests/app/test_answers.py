"""What the page says of a clip, without a browser."""

from dataclasses import replace
from pathlib import Path

import pytest

from recircle.app import pieces
from recircle.app.answers import Answers, OverTime, example_clips
from recircle.decode.error import DecodeError
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.serving.limits import Limits
from recircle.timelines.segments import Segment
from tests.media import moving_frames, write_video
from tests.small_run import SPEC, write_run


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", moving_frames(24))


@pytest.fixture(scope="module")
def arc(tmp_path_factory: pytest.TempPathFactory) -> Run:
    spec = replace(SPEC, model=ModelConfig(name="arc_tsm_resnet18", width=8))
    return write_run(tmp_path_factory.mktemp("runs") / "arc", spec)


def test_classes_are_those_of_the_recogniser(arc: Run, clip: Path) -> None:
    answers = Answers(arc.path, options={"clips": 2}, limits=Limits(), device="cpu")
    try:
        found = answers.recognise(clip)
        assert found.recognition.probabilities.tolist() == answers.recognizer(clip).probabilities.tolist()
        assert found.seconds == pytest.approx(24 / 25, rel=0.3)
    finally:
        answers.close()


def test_a_clip_beyond_the_limits_is_refused(arc: Run, clip: Path, tmp_path: Path) -> None:
    answers = Answers(arc.path, options={}, limits=Limits(duration=0.1), device="cpu")
    try:
        with pytest.raises(DecodeError, match=r"0\.1 s are taken at most"):
            answers.recognise(clip)
        (tmp_path / "text.mp4").write_text("no video")
        with pytest.raises(DecodeError):
            answers.recognise(tmp_path / "text.mp4")
    finally:
        answers.close()


def test_states_and_maps_are_pictures(arc: Run, clip: Path) -> None:
    answers = Answers(arc.path, options={}, limits=Limits(), device="cpu")
    try:
        looked = answers.look(clip)
    finally:
        answers.close()
    assert looked.activation[8:12] == b"WEBP"
    assert looked.states
    assert all(content.startswith(b"\x89PNG") for _, content in looked.states)
    assert pieces.states(looked).count("data:image/png;base64,") == len(looked.states)


def test_a_timeline_is_of_clips_that_are_longer_than_a_window(arc: Run, clip: Path) -> None:
    answers = Answers(arc.path, options={}, limits=Limits(), device="cpu", window=0.2)
    try:
        assert answers.follow(clip, 0.25) is None
        found = answers.follow(clip, 1.0)
        assert found is not None
        assert found.picture.startswith(b"\x89PNG")
    finally:
        answers.close()


def test_a_run_without_data_has_no_examples_and_no_window(arc: Run) -> None:
    answers = Answers(arc.path, options={}, limits=Limits(), device="cpu")
    answers.close()
    assert answers.window is None
    assert example_clips(arc) == ()
    assert "--window SECONDS" in pieces.when(None, None)


def test_text_of_others_is_not_taken_for_markup() -> None:
    hostile = "<script>alert(1)</script>\x1b[31m"
    segment = Segment(start=0, end=1, label=hostile, score=0.5)
    for text in (
        pieces.sentence(hostile, fault=True),
        pieces.picture(b"", "png", f'{hostile}"'),
        pieces.when(OverTime(segments=(segment,), picture=b""), 1.0),
    ):
        assert "<script>" not in text
        assert "\x1b" not in text
        assert '""' not in text
