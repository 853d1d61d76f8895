"""Repetitions, counted in drawn movements whose period is known."""

from collections.abc import Callable

import numpy as np
import pytest

from recircle.timelines.glimpses import RATE, SIDE, Glimpser, Glimpses
from recircle.timelines.repetitions import autocorrelation, count_repetitions


def film(place: Callable[[float], float], seconds: float, fps: float = 25, noise: float = 4, seed: int = 0) -> Glimpses:
    """Look at a bright disc on a textured ground whose place (0 to 1, left to right) changes over time."""
    rng = np.random.default_rng(seed)
    ground = rng.uniform(40, 90, (48, 64))
    rows, columns = np.mgrid[:48, :64]
    looking = Glimpser()
    for number in range(int(seconds * fps)):
        time = number / fps
        disc = (rows - 24) ** 2 + (columns - 8 - 48 * place(time)) ** 2 < 49
        grey = np.where(disc, 220, ground) + rng.normal(0, noise, ground.shape)
        looking.look(np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, -1), time)
    return looking.glimpses()


@pytest.mark.parametrize("period", [0.7, 1.0, 1.7, 3.1])
@pytest.mark.parametrize("fps", [12, 25, 30])
def test_a_swing_is_counted_there_and_back(period: float, fps: int) -> None:
    seconds = 8 * period
    found = count_repetitions(
        film(lambda time: 0.5 - 0.5 * np.cos(2 * np.pi * time / period), seconds, fps), 0, seconds
    )
    assert found is not None
    assert found.count == pytest.approx(8, abs=0.35)
    assert found.period == pytest.approx(period, rel=0.04)
    assert found.strength > 0.6


def test_a_movement_one_way_that_starts_again_is_counted_too() -> None:
    found = count_repetitions(film(lambda time: (time / 1.25) % 1, 10), 0, 10)
    assert found is not None
    assert found.count == pytest.approx(8, abs=0.35)


def test_only_the_time_asked_for_counts() -> None:
    seen = film(lambda time: 0.5 - 0.5 * np.cos(2 * np.pi * min(max(time - 5, 0), 6)), 20)
    found = count_repetitions(seen, 5, 11)
    assert found is not None
    assert found.count == pytest.approx(6, abs=0.3)
    assert count_repetitions(seen, 12, 20) is None


@pytest.mark.parametrize(
    "place",
    [lambda time: 0.5, lambda time: time / 6, lambda time: float(time > 3), lambda time: abs(time - 3) / 3],
    ids=["still", "one way", "one jump", "there and back once"],
)
def test_what_does_not_happen_twice_has_no_period(place: Callable[[float], float]) -> None:
    assert count_repetitions(film(place, 6), 0, 6) is None


def test_moments_of_nothing_have_none() -> None:
    assert count_repetitions(Glimpses.none(), 0, 10) is None
    assert count_repetitions(film(lambda time: time % 1, 0.5), 0, 0.5) is None


def test_autocorrelation_is_the_correlation_of_rows_some_time_later() -> None:
    values = np.random.default_rng(0).normal(size=(17, 3)).astype(np.float32)
    expected = []
    for lag in range(17):
        early, late = values[: 17 - lag].astype(float), values[lag:].astype(float)
        expected.append((early * late).sum() / np.sqrt((early**2).sum() * (late**2).sum()))
    np.testing.assert_allclose(autocorrelation(values), expected, atol=1e-9)


def test_glimpses_are_small_and_few() -> None:
    seen = film(lambda time: time % 1, 4, fps=60)
    assert seen.pictures.shape[1:] == (SIDE, SIDE)
    assert len(seen.times) <= 4 * RATE * 1.3
    assert len(seen.between(1, 2).times) == pytest.approx(len(seen.times) / 4, abs=1)
