"""How often a movement repeats itself: the period of the pictures themselves, by their autocorrelation.

It knows no classes and no network: small grey pictures are compared with those some time later, for every distance in
time; where they are alike again and again, that distance is the period (Cutler and Davis, 2000, take the same
self-similarity of pictures). What moves there and back repeats itself once it is where it was, going the same way. What
happens fewer than twice has no period, and a camera that moves hides one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recircle.timelines.glimpses import RATE, Glimpses

STRENGTH = 0.4
"""The least correlation of pictures one period apart that counts as a repetition."""

# pictures below which nothing is looked for; and the grey levels by which pixels must vary, above what noise leaves
_FEWEST = 8
_STILL = 0.5
# a peak as high as this part of the highest is the period, and those after it are its multiples
_AS_HIGH = 0.7


@dataclass(frozen=True, kw_only=True)
class Repetitions:
    """A movement that repeats itself.

    Attributes:
        count: how many periods the time holds; not rounded.
        period: in seconds.
        strength: correlation of the pictures one period apart, from `STRENGTH` to 1.
    """

    count: float
    period: float
    strength: float


def count_repetitions(glimpses: Glimpses, start: float, end: float) -> Repetitions | None:
    """Return how often what is seen from a moment to another repeats itself; None where it does not, twice or more.

    Args:
        glimpses: of the video.
        start: in seconds.
        end: likewise.
    """
    part = glimpses.between(start, end)
    count = int((end - start) * RATE)
    if len(part.times) < _FEWEST or count < _FEWEST:
        return None
    moments = start + np.arange(count) / RATE
    pixels = _at(part, moments)
    pixels -= pixels.mean(0)
    if np.sqrt((pixels**2).mean(0)).max() < _STILL:
        return None
    curve = autocorrelation(pixels)[: count // 2 + 1]
    peak = _first_peak(curve)
    if peak is None:
        return None
    period = (peak + _off_centre(curve, peak)) / RATE
    return Repetitions(count=(end - start) / period, period=period, strength=float(curve[peak]))


def _at(glimpses: Glimpses, moments: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the pixels [N, D] at each moment, between those of the glimpses before and after it."""
    flat = glimpses.pictures.reshape(len(glimpses.times), -1).astype(np.float32)
    after = np.searchsorted(glimpses.times, moments).clip(1, len(flat) - 1)
    before = glimpses.times[after - 1]
    share = ((moments - before) / np.maximum(glimpses.times[after] - before, 1e-9)).clip(0, 1)[:, None]
    return (flat[after - 1] * (1 - share) + flat[after] * share).astype(np.float32)


def autocorrelation(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the correlation of the rows of [N, D] with those l rows later, for l from 0 to N - 1: [N].

    It is 1 for rows that are equal but for a factor, and is made of the rows that have a partner alone.
    """
    count = len(values)
    power = np.zeros(count + 1)
    # column by column, since a long video has many rows
    for column in values.T:
        power += np.abs(np.fft.rfft(column.astype(np.float64), 2 * count)) ** 2
    products = np.fft.irfft(power, 2 * count)[:count]
    energy = np.concatenate([[0.0], np.cumsum((values.astype(np.float64) ** 2).sum(1))])
    early, late = energy[count:0:-1], energy[-1] - energy[:count]
    return products / np.sqrt(np.maximum(early * late, 1e-12))


def _first_peak(curve: NDArray[np.float64]) -> int | None:
    """Return the distance at which pictures are alike for the first time after they were not."""
    inner = np.arange(1, len(curve) - 1)
    peaks = inner[(curve[inner] >= curve[inner - 1]) & (curve[inner] > curve[inner + 1])]
    unlike = np.flatnonzero(curve < curve.max() / 2)
    peaks = peaks[peaks > unlike[0]] if len(unlike) else peaks[:0]
    if not len(peaks) or curve[peaks].max() < STRENGTH:
        return None
    return int(peaks[curve[peaks] >= _AS_HIGH * curve[peaks].max()][0])


def _off_centre(curve: NDArray[np.float64], peak: int) -> float:
    """Return how far beside a peak the top of the parabola through it and its neighbours lies."""
    before, at, after = curve[peak - 1 : peak + 2]
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(0.5 * (before - after) / bend)
