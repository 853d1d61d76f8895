"""The figures of timelines from their definitions, in another way than the package: loops, grids and recursion."""

from collections.abc import Sequence
from functools import cache

Part = tuple[float, float, str, float]
"""start, end, label, score."""


def at(parts: Sequence[Part], moment: float) -> str:
    names = [label for start, end, label, _ in parts if start <= moment < end]
    return names[0] if names else ""


def frame_accuracy(videos: Sequence[tuple[Sequence[Part], Sequence[Part], float]], fps: float, acting: bool) -> float:
    right = total = 0
    for predicted, true, seconds in videos:
        for number in range(round(seconds * fps)):
            moment = (number + 0.5) / fps
            if acting and not at(true, moment):
                continue
            total += 1
            right += at(predicted, moment) == at(true, moment)
    return right / total


def edit(predicted: Sequence[str], true: Sequence[str]) -> float:
    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        swap = distance(i - 1, j - 1) + (predicted[i - 1] != true[j - 1])
        return min(swap, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    longest = max(len(predicted), len(true))
    return 1 - distance(len(predicted), len(true)) / longest if longest else 1.0


def iou(a: Part, b: Part) -> float:
    intersection = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return intersection / ((a[1] - a[0]) + (b[1] - b[0]) - intersection)


def f1(videos: Sequence[tuple[Sequence[Part], Sequence[Part], float]], overlap: float) -> float:
    tp = fp = fn = 0
    for predicted, true, _ in videos:
        hit = set[int]()
        for part in predicted:
            best, which = 0.0, -1
            for number, other in enumerate(true):
                if other[2] == part[2] and iou(part, other) > best:
                    best, which = iou(part, other), number
            if which >= 0 and best >= overlap and which not in hit:
                hit.add(which)
                tp += 1
            else:
                fp += 1
        fn += len(true) - len(hit)
    if not tp:
        return 0.0
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return 2 * precision * recall / (precision + recall)


def mean_average_precision(videos: Sequence[tuple[Sequence[Part], Sequence[Part], float]], overlap: float) -> float:
    classes = sorted({part[2] for _, true, _ in videos for part in true})
    return sum(ap(videos, label, overlap) for label in classes) / len(classes)


def ap(videos: Sequence[tuple[Sequence[Part], Sequence[Part], float]], label: str, overlap: float) -> float:
    guesses = [(part, v) for v, (predicted, _, _) in enumerate(videos) for part in predicted if part[2] == label]
    guesses.sort(key=lambda one: one[0][3], reverse=True)
    truths = [(part, v) for v, (_, true, _) in enumerate(videos) for part in true if part[2] == label]
    used = set[int]()
    points: list[tuple[float, float]] = []  # recall, precision
    right = 0
    for rank, (guess, video) in enumerate(guesses, 1):
        partners = [(iou(guess, part), n) for n, (part, v) in enumerate(truths) if v == video and n not in used]
        best = max(partners, key=lambda one: (one[0], -one[1]), default=(0.0, -1))
        if best[0] >= overlap:
            used.add(best[1])
            right += 1
        points.append((right / len(truths), right / rank))
    area, before = 0.0, 0.0
    for recall in sorted({recall for recall, _ in points}):
        area += (recall - before) * max(precision for other, precision in points if other >= recall)
        before = recall
    return area
