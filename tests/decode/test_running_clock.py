"""The clock of frames that come one by one."""

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from recircle.decode.running_clock import RunningClock, usable_times


def frames(times: list[float | None], decoded: list[float | None] | None = None, lasting: float = 0.1) -> list[Any]:
    """Return frames of these times, in units of a millisecond."""

    def ticks(value: float | None) -> int | None:
        return None if value is None else round(1000 * value)

    return [
        SimpleNamespace(pts=ticks(time), dts=ticks(other), duration=ticks(lasting), time_base=Fraction(1, 1000))
        for time, other in zip(times, decoded or [None] * len(times))
    ]


def placed(found: list[Any], fps: float = 10.0) -> tuple[list[float], RunningClock]:
    clock = RunningClock(usable_times(found), fps)
    return [clock.place(frame)[0] for frame in found], clock


def test_times_are_seconds_after_the_first() -> None:
    times, clock = placed(frames([5.0, 5.1, 5.3, 5.4]))
    assert times == pytest.approx([0, 0.1, 0.3, 0.4])
    assert clock.notes == []


@pytest.mark.parametrize("then", [0.0, 5000.0])
def test_where_the_clock_is_set_time_goes_on(then: float) -> None:
    found = frames([10.0, 10.1, 10.2])
    clock = RunningClock(usable_times(found), 10)
    later = frames([then, then + 0.1, then + 0.3])
    times = [clock.place(frame) for frame in (*found, *later)]
    assert [time for time, _ in times] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.6])
    assert times[-1][1] == pytest.approx(0.7)
    assert clock.notes == ["the file's clock is set anew after 0.200 s; time goes on from there"]


def test_missing_times_lie_between_their_neighbours_and_jitter_runs_never_back() -> None:
    clock = RunningClock("shown", 10)
    given = frames([0.0, 0.1, None, None, 0.4, 0.35, 0.6])
    times = [clock.place(frame)[0] for frame in given]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.6])


def test_decoding_times_serve_where_others_run_back_and_the_rate_where_there_are_none() -> None:
    mixed = frames([0.0, 0.3, 0.1, 0.2], [0.0, 0.1, 0.2, None])
    assert usable_times(mixed) == "decoded"
    assert placed(mixed)[0] == pytest.approx([0, 0.1, 0.2, 0.3])
    nothing = frames([None, None, None])
    assert placed(nothing, 4)[0] == [0, 0.25, 0.5]
    assert "no frame times, and says no rate" in RunningClock(usable_times(nothing), 0).fault
