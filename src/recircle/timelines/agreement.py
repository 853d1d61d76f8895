"""How segments of one video agree with the true ones, in the terms of the figures that are made of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recircle.timelines.segments import Segment


def time_right(predicted: Sequence[Segment], true: Sequence[Segment], seconds: float) -> tuple[float, ...]:
    """Return seconds: (right, in all, right where something happens, where something happens).

    Where neither says that something happens, that is right.
    """
    edges = np.unique([0.0, seconds, *(moment for part in (*predicted, *true) for moment in (part.start, part.end))])
    edges = edges[(edges >= 0) & (edges <= seconds)]
    lengths = np.diff(edges)
    guess, truth = (_labels_at((edges[1:] + edges[:-1]) / 2, parts) for parts in (predicted, true))
    right = np.array([a == b for a, b in zip(guess, truth)], bool)
    acting = np.array([label is not None for label in truth], bool)
    return tuple(float(lengths[rows].sum()) for rows in (right, slice(None), right & acting, acting))


def _labels_at(moments: NDArray[np.float64], segments: Sequence[Segment]) -> list[str | None]:
    """Return the class at each moment; None where there is none."""
    ordered = sorted(segments, key=lambda part: part.start)
    starts = np.array([part.start for part in ordered])
    places = np.searchsorted(starts, moments, side="right") - 1
    return [
        ordered[place].label if place >= 0 and moment < ordered[place].end else None
        for place, moment in zip(places.tolist(), moments.tolist())
    ]


def edit_score(predicted: Sequence[str], true: Sequence[str]) -> float:
    """Return 1 - the Levenshtein distance of two sequences / the length of the longer one; 1 if both are empty."""
    if not predicted and not true:
        return 1.0
    before = list(range(len(true) + 1))
    for row, label in enumerate(predicted, 1):
        now = [row]
        for column, other in enumerate(true, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (label != other)))
        before = now
    return 1 - before[-1] / max(len(predicted), len(true))


def overlap_counts(predicted: Sequence[Segment], true: Sequence[Segment], overlap: float) -> tuple[int, int, int]:
    """Return how many segments are (right, predicted, true).

    In the order of time, each predicted one looks for the true one of its class that it overlaps most; it is right if
    their temporal IoU is `overlap` or more, and no other was right about that one before.
    """
    taken = np.zeros(len(true), bool)
    right = 0
    for part in sorted(predicted, key=lambda part: part.start):
        ious = np.array([_iou(part, other) if other.label == part.label else 0.0 for other in true])
        if len(ious) and ious.max() >= overlap and not taken[best := int(ious.argmax())]:
            taken[best] = True
            right += 1
    return right, len(predicted), len(true)


@dataclass(frozen=True)
class Matches:
    """The predicted segments of one class in one video.

    Attributes:
        scores: [N], descending.
        right: bool [overlaps, N], whether each is right at each overlap.
        true: how many true segments there are.
    """

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    true: int


def match_for_precision(
    predicted: Sequence[Segment], true: Sequence[Segment], label: str, overlaps: Sequence[float]
) -> Matches:
    """Match the segments of a class: best scores first, each takes the free true one that it overlaps most."""
    guesses = sorted((part for part in predicted if part.label == label), key=lambda part: -part.score)
    truths = [part for part in true if part.label == label]
    ious = np.array([[_iou(part, other) for other in truths] for part in guesses]).reshape(len(guesses), len(truths))
    right = np.zeros((len(overlaps), len(guesses)), bool)
    for row, overlap in enumerate(overlaps):
        free = np.ones(len(truths), bool)
        for column, values in enumerate(ious):
            open_ones = np.where(free, values, -1.0)
            if len(truths) and open_ones.max() >= overlap:
                free[open_ones.argmax()] = False
                right[row, column] = True
    return Matches(np.array([part.score for part in guesses]), right, len(truths))


def average_precision(videos: Sequence[Matches]) -> NDArray[np.float64] | None:
    """Return the average precision of a class at each overlap, over videos together; None where it does not happen.

    It is the area below the precision as a function of the recall, where the precision at a recall is the best at that
    recall or a higher one.
    """
    true = sum(one.true for one in videos)
    if not true:
        return None
    scores = np.concatenate([one.scores for one in videos])
    order = np.argsort(-scores, kind="stable")
    right = np.concatenate([one.right for one in videos], axis=1)[:, order]
    hits = right.cumsum(1)
    precision = hits / np.arange(1, len(order) + 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    # the recall grows by 1 / true with each that is right
    return (best * right).sum(1) / true


def _iou(one: Segment, other: Segment) -> float:
    """Return the temporal intersection over union."""
    both = min(one.end, other.end) - max(one.start, other.start)
    if both <= 0:
        return 0.0
    return both / (one.seconds + other.seconds - both)
