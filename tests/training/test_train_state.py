from collections.abc import Callable
from pathlib import Path

import pytest

from recircle.loading.batch import Batch, BrokenClip
from recircle.training.train_state import TrainState

MakeBatch = Callable[..., Batch]


def test_loss_is_the_mean_over_clips_of_the_epoch() -> None:
    state = TrainState()
    assert state.loss is None
    state.add_loss(1.0, 3)
    state.add_loss(5.0, 1)
    assert state.loss == pytest.approx(2.0)
    state.start_epoch()
    assert state.loss is None


def test_processes_count_a_clip_once_and_each_time_it_was_skipped(make_batch: MakeBatch) -> None:
    first, second = TrainState(step=4), TrainState(step=4)
    first.note([BrokenClip("out", "marked broken")])
    for state in (first, second):
        state.add_broken([make_batch(1, broken=[BrokenClip("b", "no frames")]), make_batch(2)])
    merged = first.merged([first, second])
    assert (merged.step, merged.skipped) == (4, 2)
    assert merged.broken == {"out": "marked broken", "b": "no frames"}
    assert TrainState.from_state(merged.state(), main=True) == merged
    assert TrainState.from_state(merged.state(), main=False) == TrainState(step=4)


def test_summary_names_the_first_ten() -> None:
    state = TrainState()
    state.note([BrokenClip(f"clip{number:02d}", "no frames") for number in range(12)])
    text = state.summary(Path("run/broken.txt"))
    assert text.startswith("12 clips could not be used")
    assert "clip09: no frames\n  and 2 more" in text
    assert "clip10" not in text
    state.broken = {"a": "b"}
    assert state.summary(Path("x")) == "1 clip could not be used, and training went on without; x lists them:\n  a: b"
