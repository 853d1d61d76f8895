"""How well timelines say what happens when, with intervals over videos.

All figures are shares. Time is exact: moments are not counted in frames, but measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.estimate import Estimate, estimate
from recircle.timelines.agreement import Matches, average_precision, edit_score, match_for_precision, overlap_counts
from recircle.timelines.agreement import time_right as measure_time
from recircle.timelines.segments import Segment
from recircle.words import counted

F1_OVERLAPS = (0.1, 0.25, 0.5)
"""Temporal IoU from which a segment counts as found, of F1@10, @25 and @50 (Lea et al., CVPR 2017)."""

MAP_OVERLAPS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Likewise of the mean average precision (THUMOS 2014)."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A video with what is predicted and what is true.

    Attributes:
        video: its path.
        seconds: how long it is.
        predicted: segments, of which no two overlap.
        true: likewise.
    """

    video: str
    seconds: float
    predicted: Sequence[Segment]
    true: Sequence[Segment]


@dataclass(frozen=True, kw_only=True)
class TimelineMetrics:
    """Figures of videos.

    Attributes:
        figures: each by its name, with its interval over videos.
        videos: how many.
        segments: how many are true, and how many predicted.
        classes: how many there are among the true segments, over which the average precision is averaged.
        resamples: of the bootstrap.
        level: of the intervals.
        rules: how scores became segments, in words.
        protocol: how the network was run, in words.
    """

    figures: dict[str, Estimate]
    videos: int
    segments: tuple[int, int]
    classes: int
    resamples: int
    level: float
    rules: str = ""
    protocol: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        figures = {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in self.figures.items()}
        return {
            "videos": self.videos,
            "true_segments": self.segments[0],
            "predicted_segments": self.segments[1],
            "classes": self.classes,
            "rules": self.rules,
            "protocol": self.protocol,
            "level": self.level,
            "resamples": self.resamples,
            "figures": figures,
        }

    def __str__(self) -> str:
        true, predicted = self.segments
        return f"{counted(self.videos, 'video')}, {counted(true, 'true segment')}, {predicted} predicted"


def evaluate_timelines(
    videos: Sequence[Judged], *, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP, rules: str = "", protocol: str = ""
) -> TimelineMetrics:
    """Measure predicted segments against true ones.

    * frame accuracy: share of the time at which the class, or that there is none, is the true one; and of the time
      alone at which there is one;
    * edit score: 1 - Levenshtein distance of the sequences of classes / the longer one's length (Lea et al., ECCV
      2016), mean over videos;
    * F1@10, @25, @50: a predicted segment is right if its best partner, among the true ones of its class, overlaps it
      by that temporal IoU and has no other yet; over all videos together;
    * mAP@0.1 to @0.7: average precision of the segments by their scores, area below the envelope of the precision, mean
      over the classes that are there.

    Args:
        videos: with their segments.
        bootstrap: of the intervals, which resample videos.
        rules: how scores became segments, for whoever reads the figures.
        protocol: how the network was run, likewise.

    Raises:
        ValueError: there are no videos.
    """
    times = np.array([measure_time(one.predicted, one.true, one.seconds) for one in videos])
    edits = np.array([edit_score([s.label for s in one.predicted], [s.label for s in one.true]) for one in videos])
    found = np.array([[overlap_counts(one.predicted, one.true, overlap) for overlap in F1_OVERLAPS] for one in videos])
    labels = sorted({segment.label for one in videos for segment in one.true})
    matches = [
        [match_for_precision(one.predicted, one.true, label, MAP_OVERLAPS) for one in videos] for label in labels
    ]

    def precision(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return _mean_precision(matches, rows)

    figures = {
        "frame accuracy": estimate(lambda rows: _share(times[rows, 0], times[rows, 1]), len(videos), bootstrap),
        "frame accuracy in actions": estimate(
            lambda rows: _share(times[rows, 2], times[rows, 3]), len(videos), bootstrap
        ),
        "edit score": estimate(lambda rows: float(edits[rows].mean()), len(videos), bootstrap),
    }
    for place, overlap in enumerate(F1_OVERLAPS):
        figures[f"F1@{100 * overlap:.0f}"] = estimate(
            lambda rows, place=place: _f1(found[rows, place].sum(0)), len(videos), bootstrap
        )
    figures |= _precision_figures(precision, len(videos), bootstrap)
    return TimelineMetrics(
        figures=figures,
        videos=len(videos),
        segments=(sum(len(one.true) for one in videos), sum(len(one.predicted) for one in videos)),
        classes=len(labels),
        resamples=bootstrap.resamples,
        level=bootstrap.level,
        rules=rules,
        protocol=protocol,
    )


def _precision_figures(precision: Any, videos: int, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Return the mean average precision at each overlap and their mean, from the same resampled videos."""
    value = precision(np.arange(videos))
    rng = np.random.default_rng(bootstrap.seed)
    drawn = np.array([precision(rng.integers(videos, size=videos)) for _ in range(bootstrap.resamples)])
    ends = [(1 - bootstrap.level) / 2, (1 + bootstrap.level) / 2]
    low, high = np.nanquantile(drawn, ends, axis=0) if np.isfinite(drawn).any() else (value, value)
    names = [*(f"mAP@{overlap:g}" for overlap in MAP_OVERLAPS), "mAP, mean of these"]
    return {
        name: Estimate(value=float(value[n]), low=float(low[n]), high=float(high[n])) for n, name in enumerate(names)
    }


def _mean_precision(matches: list[list[Matches]], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean over classes at each overlap, and the mean of those, [overlaps + 1]."""
    each = [average_precision([of_class[row] for row in rows]) for of_class in matches]
    there = [one for one in each if one is not None]
    if not there:
        return np.full(len(MAP_OVERLAPS) + 1, np.nan)
    mean = np.mean(there, axis=0)
    return np.append(mean, mean.mean())


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() else float("nan")


def _f1(counts: NDArray[np.int64]) -> float:
    """Return the F1 of (right, predicted, true) segments."""
    right, predicted, true = counts.tolist()
    return 2 * right / (predicted + true) if predicted + true else float("nan")
