import math

import pytest

from recircle.training.schedule import Schedule


def test_step_multiplies_at_each_milestone() -> None:
    schedule = Schedule(milestones=(30, 40))
    rates = {p: schedule.lr_at(p, lr=0.01, epochs=50) for p in (0, 29.99, 30, 39.99, 40, 50)}
    assert rates == pytest.approx({0: 0.01, 29.99: 0.01, 30: 0.001, 39.99: 0.001, 40: 0.0001, 50: 0.0001})


@pytest.mark.parametrize("warmup", [0.0, 10.0])
def test_cosine_is_half_a_wave_after_a_linear_rise(warmup: float) -> None:
    schedule = Schedule(kind="cosine", warmup=warmup)
    for progress in (0.5, 3.0, 9.5, 10.0, 25.0, 39.5, 40.0):
        expected = (
            0.01 * progress / warmup
            if progress < warmup
            else 0.005 * (1 + math.cos(math.pi * (progress - warmup) / (40 - warmup)))
        )
        assert schedule.lr_at(progress, lr=0.01, epochs=40) == pytest.approx(expected)
    assert schedule.lr_at(warmup, lr=0.01, epochs=40) == 0.01
    assert schedule.lr_at(40, lr=0.01, epochs=40) == pytest.approx(0)


def test_warmup_comes_before_the_first_milestone() -> None:
    schedule = Schedule(milestones=(4,), warmup=2)
    rates = [schedule.lr_at(p, lr=1.0, epochs=6) for p in (0.5, 1.5, 2.5, 4.5)]
    assert rates == pytest.approx([0.25, 0.75, 1.0, 0.1])


@pytest.mark.parametrize("epochs", [1, 3, 40])
def test_a_warmup_in_shares_is_one_in_epochs(epochs: int) -> None:
    share, whole = Schedule(kind="cosine", warmup_share=0.25), Schedule(kind="cosine", warmup=0.25 * epochs)
    for place in range(21):
        progress = epochs * place / 20
        assert share.lr_at(progress, lr=0.1, epochs=epochs) == whole.lr_at(progress, lr=0.1, epochs=epochs)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "linear"}, "kind='linear'"),
        ({"kind": "cosine", "milestones": (3,)}, "milestones"),
        ({"milestones": (4, 4)}, "rising order"),
        ({"milestones": (0,)}, "rising order"),
        ({"factor": 0.0}, "factor=0.0"),
        ({"factor": 2.0}, "factor=2.0"),
        ({"warmup": -1.0}, "warmup=-1.0"),
        ({"warmup": math.nan}, "warmup=nan"),
        ({"warmup_share": 1.0}, "warmup_share=1.0"),
        ({"warmup": 1.0, "warmup_share": 0.1}, "both say how long the rate rises"),
    ],
)
def test_wrong_values_are_named(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Schedule(**values)


def test_milestones_that_are_not_reached_are_told() -> None:
    (remark,) = Schedule(milestones=(30, 40)).remarks(20)
    assert remark == (
        "schedule.milestones: 30, 40 are not reached in epochs=20, so the learning rate never drops; move them, for "
        "example by --schedule.milestones 12 16, train for more than 40 epochs, or take --schedule.kind cosine with no "
        "--schedule.milestones"
    )
    (remark,) = Schedule(milestones=(10, 20)).remarks(20)
    assert remark.startswith("schedule.milestones: 20 is not reached in epochs=20, so the learning rate does not drop")
    (remark,) = Schedule(milestones=(30, 40)).remarks(1)
    assert "for example" not in remark
    assert Schedule(milestones=(30, 40)).remarks(41) == []
    assert Schedule().remarks(1) == Schedule(kind="cosine", warmup=2).remarks(3) == []


@pytest.mark.parametrize("epochs", range(1, 60))
def test_the_milestones_that_are_suggested_are_all_reached(epochs: int) -> None:
    for milestones in ((30, 40), (25, 40), (11, 14), (30, 40, 45)):
        for remark in Schedule(milestones=milestones).remarks(epochs):
            if "for example by" in remark:
                words = remark.partition("--schedule.milestones ")[2].partition(",")[0]
                assert Schedule(milestones=tuple(map(int, words.split()))).remarks(epochs) == []


def test_milestones_within_the_warm_up_are_told() -> None:
    (remark,) = Schedule(milestones=(2, 8), warmup=3).remarks(10)
    assert remark.startswith("schedule.milestones: 2 lies within the warm-up of 3 epochs")
