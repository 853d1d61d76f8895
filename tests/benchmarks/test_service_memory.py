"""The trend of a service's memory is that of a straight line, and its interval is as wide as it says."""

import numpy as np
import pytest

from benchmarks.service_memory import KINDS, Sample, trend


def samples(slope: float, noise: float, seed: int) -> list[Sample]:
    rng = np.random.default_rng(seed)
    sizes = 1e8 + slope * np.arange(100) * 20 / 1000 + rng.normal(scale=noise, size=100)
    return [Sample(20 * n, {**dict.fromkeys(KINDS, 0), "http": int(size)}, 3) for n, size in enumerate(sizes)]


def test_a_line_is_found() -> None:
    for kind in ("http", None):
        found = trend(samples(3e6, 0.0, 0), kind)
        assert found.slope == pytest.approx(3e6, rel=1e-6)
        assert found.margin < 10
    assert trend(samples(3e6, 0.0, 0), "main").slope == 0


def test_the_interval_holds_the_slope_in_95_of_100() -> None:
    found = [trend(samples(1e6, 5e5, seed)) for seed in range(400)]
    inside = sum(abs(one.slope - 1e6) <= one.margin for one in found)
    assert 0.90 < inside / 400 < 0.99
