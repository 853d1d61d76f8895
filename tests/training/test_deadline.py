"""A run that was given minutes ends within them: it has fewer epochs then."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from recircle.training import deadline
from recircle.training.config import TrainConfig
from recircle.training.deadline import Deadline
from recircle.training.loop import train
from recircle.training.metrics_log import read_metrics_log
from recircle.training.schedule import Schedule

MakeConfig = Callable[..., TrainConfig]
Clock = Callable[[Iterable[float]], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a function that sets what the next looks at the clock tell, in seconds."""

    def show(times: Iterable[float]) -> None:
        shown = iter(times)
        monkeypatch.setattr(deadline, "monotonic", lambda: next(shown))

    return show


@pytest.mark.parametrize(
    ("times", "minutes", "left"),
    [
        ([0, 100, 160, 220], 6.0, [5, 3, 2]),  # the first epoch takes longer, and counts half
        ([0, 60, 120], 3.5, [5, 1]),
        ([0, 60], 0.5, [0]),
        ([0, 60, 120], 2.0, [2, 0]),
        ([0, 0, 0], 1.0, [60 * 10**9, 60 * 10**9]),
    ],
)
def test_epochs_are_counted_by_the_pace_so_far(
    times: list[float], minutes: float, left: list[int], clock: Clock
) -> None:
    clock(times)
    limit = Deadline.after(minutes)
    assert [limit.epochs_left() for _ in left] == left


def test_without_minutes_there_is_no_limit(clock: Clock) -> None:
    clock([0, 1e9])
    assert Deadline.after(None).epochs_left() > 10**9


def test_a_shortened_run_is_finished_falls_to_zero_and_can_be_trained_on(
    make_config: MakeConfig, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    clock([0, 60, 90])
    schedule = Schedule(kind="cosine", warmup_share=0.2)
    run = train(make_config(epochs=5, minutes=1.6, schedule=schedule))
    assert "minutes=1.6: 3 epochs would be too late, so the run has 2" in capfd.readouterr().err
    lines = read_metrics_log(run.metrics_path)
    assert [line["epoch"] for line in lines if line["kind"] == "val"] == [1, 2]
    assert lines[-1] == {**lines[-1], "kind": "end", "epoch": 2, "step": 6}
    config = run.load_config(TrainConfig)
    assert config.epochs == 2
    last = [line for line in lines if line["kind"] == "train"][-1]
    assert last["lr"] == pytest.approx(schedule.lr_at(2 - 0.5 / 3, lr=0.05, epochs=2))
    clock([0])
    train(config, resume=True)
    assert "is finished: all 2 epochs are done" in capfd.readouterr().err
    clock([0, 60])
    longer: Any = {"epochs": 3, "minutes": None, "schedule": schedule}
    train(make_config(**longer), resume=True, progress=False)
    assert read_metrics_log(run.metrics_path)[-1]["epoch"] == 3


def test_a_run_is_never_shorter_than_its_warmup(make_config: MakeConfig, clock: Clock) -> None:
    clock([0, 60, 120])
    run = train(make_config(epochs=5, minutes=0.1, schedule=Schedule(warmup=1.0)), progress=False)
    assert run.load_config(TrainConfig).epochs == 2
