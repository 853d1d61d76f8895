"""From scores over time to segments: what happens from when to when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recircle.errors import UserError
from recircle.public import public
from recircle.timelines.glimpses import Glimpses
from recircle.timelines.repetitions import Repetitions, count_repetitions

BACKGROUND = -1
"""What stands for the number of a class where none is recognised."""

# seconds by which ends of stretches may differ and still touch
_TOUCH = 1e-6


@public
@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """What counts as a segment.

    Attributes:
        threshold: the least probability of the best class; below it nothing is recognised. Probabilities are as
            often right as they say only if they were calibrated (`Recognizer.load(run, calibrated=True)`).
        smoothing: seconds over which probabilities are averaged first, to both sides together.
        shortest: seconds below which a segment is given up, or an interruption of one is.
        background: classes that mean that nothing happens.
    """

    threshold: float = 0.5
    smoothing: float = 0.0
    shortest: float = 0.0
    background: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold={self.threshold} is a probability, from 0 to 1")
        for name in ("smoothing", "shortest"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)} must be 0 seconds or more")

    def __str__(self) -> str:
        parts = [f"threshold {self.threshold:g}"]
        parts += [f"{name} {value:g} s" for name in ("smoothing", "shortest") if (value := getattr(self, name))]
        parts += [f"background {', '.join(self.background)}"] if self.background else []
        return ", ".join(parts)


@public
@dataclass(frozen=True, kw_only=True)
class Segment:
    """A class, from when to when.

    Attributes:
        start: in seconds after the first frame.
        end: likewise.
        label: the class.
        score: its mean probability; 1 for what is known to be true.
        repetitions: how often what is seen repeats itself, where it does so twice or more.
    """

    start: float
    end: float
    label: str
    score: float = 1.0
    repetitions: Repetitions | None = None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: start, end, label, score, and repetitions and their period if there are any."""
        values = {"start": self.start, "end": self.end, "label": self.label, "score": self.score}
        if self.repetitions is not None:
            values |= {"repetitions": self.repetitions.count, "period": self.repetitions.period}
        return values


@dataclass
class _Stretch:
    """Windows of one class, one after the other."""

    label: int
    start: float
    end: float
    windows: list[int]

    @property
    def seconds(self) -> float:
        return self.end - self.start


def cut_segments(
    probabilities: NDArray[np.float64],
    cells: NDArray[np.float64],
    labels: Sequence[str],
    rules: Segmentation,
    glimpses: Glimpses,
) -> list[Segment]:
    """Return the segments of a video.

    Each window speaks for its cell. Its best class counts, after smoothing, unless that is too unlikely or means
    background; equal ones that touch are one segment. An interruption shorter than `rules.shortest`, between two of one
    class, belongs to them; then segments that are shorter are given up.

    Args:
        probabilities: [N, K], of the windows.
        cells: [N, 2], from when to when each window speaks; ascending.
        labels: the K classes.
        rules: what counts.
        glimpses: of the video, in which repetitions are counted.

    Raises:
        UserError: a class of the background is unknown.
    """
    unknown = [name for name in rules.background if name not in labels]
    if unknown:
        raise UserError(f"the network knows no class {unknown[0]!r}, which was to be the background")
    if not len(probabilities):
        return []
    smooth = smoothed(probabilities, cells.mean(1), rules.smoothing)
    best = smooth.argmax(1)
    nothing = [labels.index(name) for name in rules.background]
    # not-a-number, of a network that diverged, is no confidence
    certain = np.nan_to_num(smooth.max(1), nan=-1.0) >= rules.threshold
    best = np.where(certain & ~np.isin(best, nothing), best, BACKGROUND)
    stretches = _without_short(_stretches(best, cells), rules.shortest)
    return [
        Segment(
            start=part.start,
            end=part.end,
            label=labels[part.label],
            score=float(smooth[part.windows, part.label].mean()),
            repetitions=count_repetitions(glimpses, part.start, part.end),
        )
        for part in stretches
    ]


def smoothed(values: NDArray[np.float64], times: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """Return the mean of the values [N, K] no more than half of `seconds` away from each, at `times` [N]."""
    if not seconds:
        return values
    first = np.searchsorted(times, times - seconds / 2 - _TOUCH)
    last = np.searchsorted(times, times + seconds / 2 + _TOUCH)
    return np.stack([values[low:high].mean(0) for low, high in zip(first, last)])


def _stretches(best: NDArray[np.int64], cells: NDArray[np.float64]) -> list[_Stretch]:
    found: list[_Stretch] = []
    for number, (label, (start, end)) in enumerate(zip(best.tolist(), cells.tolist())):
        if found and found[-1].label == label and _touch(found[-1].end, start):
            found[-1].end = end
            found[-1].windows.append(number)
        else:
            found.append(_Stretch(label, start, end, [number]))
    return found


def _without_short(stretches: list[_Stretch], shortest: float) -> list[_Stretch]:
    """Return those that are a class, without short interruptions and then without short ones."""
    kept: list[_Stretch] = []
    for part in stretches:
        kept.append(part)
        while len(kept) >= 3 and _interrupts(kept[-3], kept[-2], kept[-1], shortest):
            before, _, after = kept[-3:]
            kept[-3:] = [_Stretch(before.label, before.start, after.end, before.windows + after.windows)]
    return [part for part in kept if part.label != BACKGROUND and part.seconds >= shortest - _TOUCH]


def _interrupts(before: _Stretch, between: _Stretch, after: _Stretch, shortest: float) -> bool:
    return (
        before.label == after.label != BACKGROUND
        and between.seconds < min(shortest, before.seconds + after.seconds) - _TOUCH
        and _touch(before.end, between.start)
        and _touch(between.end, after.start)
    )


def _touch(end: float, start: float) -> bool:
    return abs(end - start) <= _TOUCH
