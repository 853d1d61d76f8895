"""When frames are shown: constant rates, varying ones, clocks that cannot be followed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recircle.decode.frame_times import FrameTimes, UnsteadyClockError

rates = st.sampled_from([10.0, 12.5, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60.0])


@given(st.integers(2, 2000), rates, st.sampled_from([1e-6, 1 / 90000, 1 / 12800, 1e-3]), st.floats(-5, 5))
def test_a_constant_rate_in_any_time_base_is_constant(count, fps, tick, begin):
    ticks = np.round((begin + np.arange(count + 1) / fps) / tick)
    times = (ticks * tick).tolist()
    shown = FrameTimes.from_times(times[:-1], times[-1], fps=fps)
    assert shown == FrameTimes(count, fps)
    assert shown.constant
    assert shown.seconds == pytest.approx(count / fps)


@given(st.lists(st.integers(1, 5000), min_size=3, max_size=300))
def test_varying_rates_are_kept_to_the_microsecond(lasting):
    ends = np.cumsum(lasting) / 1000
    times = [0.0, *ends[:-1].tolist()]
    shown = FrameTimes.from_times(times, float(ends[-1]))
    if shown.constant:
        deviation = np.abs(np.array(times) - np.arange(len(times)) * times[-1] / (len(times) - 1)).max()
        assert deviation <= times[-1] / (len(times) - 1) / (3 if len(times) < 50 else 1) + 1e-9
        return
    assert np.abs(shown.times - times).max() <= 1.1e-6
    assert shown.seconds == pytest.approx(ends[-1], abs=1.1e-6)
    assert shown.fps == pytest.approx(len(times) / ends[-1], rel=1e-3)
    assert FrameTimes(len(times), shown.fps, shown.durations) == shown
    # each frame is shown from its own time on, until the next begins
    assert shown.shown_at(np.array(times)).tolist() == list(range(len(times)))
    assert shown.shown_at(ends - 1e-5).tolist() == list(range(len(times)))


def test_equal_frames_are_written_once():
    times = [k / 12 for k in range(13)] + [1 + 0.375 * k for k in range(1, 12)]
    shown = FrameTimes.from_times(times)
    assert shown.durations == "83.3333*12 375*12"
    assert shown.seconds == pytest.approx(5.5)
    assert shown.rates() == "2.67 to 12 fps"


def test_a_long_unsteady_clip_fits_in_a_field_of_a_table():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.choice([0.01, 0.05, 0.2, 1.0], 100_000) * rng.uniform(0.9, 1.1, 100_000))
    shown = FrameTimes.from_times(times.tolist())
    assert len(shown.durations) < 100_000
    # more than eight hours, with times to a few seconds
    assert np.abs(shown.times - (times - times[0])).max() < 5.0


@pytest.mark.parametrize(
    ("steps", "constant"),
    [
        ([2, 3] * 6, True),
        ([5, 6, 5, 4, 6, 4], True),
        ([1, 1, 2, 1, 1, 1, 1], False),
        ([1, 1, 2], False),
        ([1] * 30 + [2] + [1] * 70, True),
        ([1] * 30 + [2] * 3 + [1] * 70, False),
    ],
)
def test_jitter_is_no_varying_rate_and_a_dropped_frame_is(steps, constant):
    times = np.cumsum([0, *steps]) / 30
    assert FrameTimes.from_times(times.tolist()).constant == constant


def test_a_last_frame_that_is_held_is_not():
    shown = FrameTimes.from_times([0.0, 0.1, 0.2, 0.3], 3.3)
    assert shown.durations == "100*3 3000"
    assert shown.seconds == pytest.approx(3.3)
    assert FrameTimes.from_times([0.0, 0.1, 0.2, 0.3], 0.45).constant


def test_the_rate_is_that_of_the_times_where_the_container_says_another():
    times = [k / 20 for k in range(50)]
    assert FrameTimes.from_times(times, fps=1000.0).fps == pytest.approx(20.0)
    assert FrameTimes.from_times(times).fps == pytest.approx(20.0)
    assert FrameTimes.from_times(times, fps=20.1).fps == 20.1


def test_one_frame():
    assert FrameTimes.from_times([7.0], fps=25.0) == FrameTimes(1, 25.0)
    assert FrameTimes.from_times([7.0], 7.5) == FrameTimes(1, 2.0)
    assert FrameTimes.from_times([None]) == FrameTimes(1)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ([0.0, None, 0.2], "no time"),
        ([0.0, float("nan"), 0.2], "no time"),
        ([0.0, 0.2, 0.1], "backwards"),
        ([0.0, 0.1, 95443.0], "jump"),
        ([1.0, 1.0, 1.0], "same time"),
    ],
)
def test_clocks_that_cannot_be_followed(times, reason):
    with pytest.raises(UnsteadyClockError, match=reason):
        FrameTimes.from_times(times)


def test_moments_of_a_constant_rate():
    shown = FrameTimes(10, 30.0)
    assert shown.shown_at(np.arange(10) / 30).tolist() == list(range(10))
    assert shown.shown_at(np.array([-1.0, 0.0, 0.0333, 0.3, 99.0])).tolist() == [0, 0, 0, 9, 9]
    for unknown in (lambda: FrameTimes(10).shown_at(np.zeros(1)), lambda: FrameTimes(10).times):
        with pytest.raises(ValueError, match="rate is not known"):
            unknown()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"frames": 0}, "frames=0"),
        ({"frames": 2, "fps": -1.0}, "fps=-1"),
        ({"frames": 3, "durations": "100*2"}, "are of 2 frames, not 3"),
        ({"frames": 3, "durations": "100*2 x"}, "'x' is not a duration"),
        ({"frames": 3, "durations": "100*2 nan"}, "'nan' is not a duration"),
        ({"frames": 3, "durations": "100*2 -5"}, "'-5' is not a duration"),
        ({"frames": 3, "durations": "100*0 5*3"}, r"'100\*0' is not a duration"),
        ({"frames": 3, "durations": "0*3"}, "no frame lasts"),
        ({"frames": 3, "durations": " "}, "no frame lasts"),
    ],
)
def test_wrong_fields_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        FrameTimes(**fields)
