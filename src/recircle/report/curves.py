"""How training went: loss, learning rate and validation, from metrics.jsonl."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from recircle.report.charts import Series, legend, line_chart
from recircle.report.limits import MOST_ROWS
from recircle.report.markup import Html, count, element, folded, join, note, percent, section, table

LogLines = Sequence[Mapping[str, Any]]


def curves_section(logs: Mapping[str, LogLines]) -> Html:
    """Return the section of training curves of runs.

    Args:
        logs: the lines of each run's metrics.jsonl, by its name.
    """
    title, key = "Training", "training"
    if not any(logs.values()):
        return section(2, title, element("p", "There is no metrics.jsonl: training is not recorded."), id=key)
    charts = [
        line_chart(f"{what} over the optimiser steps", "optimiser step", what, series, percent=share)
        for what, share, series in (
            ("training loss", False, _series(logs, "train", "loss")),
            ("learning rate", False, _series(logs, "train", "lr")),
            ("validation top-1", True, _series(logs, "val", "top1")),
        )
    ]
    parts = [part for name, lines in logs.items() for part in _remarks(name, lines, alone=len(logs) == 1)]
    listed = [_validations(name, lines) for name, lines in logs.items()]
    return section(2, title, legend(list(logs)), element("div", *charts, class_="charts"), *parts, join(listed), id=key)


def _series(logs: Mapping[str, LogLines], kind: str, value: str) -> list[Series]:
    found = []
    for number, (name, lines) in enumerate(logs.items()):
        points = [
            (float(line["step"]), float(line[value]))
            for line in lines
            if line.get("kind") == kind and _is_finite(line.get(value)) and _is_finite(line.get("step"))
        ]
        found.append(Series(name=name, points=points, colour=number, dots=kind == "val"))
    return found


def _remarks(name: str, lines: LogLines, *, alone: bool) -> list[Html]:
    """Return what must not be overlooked: a run without an end, losses that are not numbers, clips left out."""
    of = "" if alone else f"{name}: "
    remarks: list[Html] = []
    if not lines:
        return [note(f"{of}there is no metrics.jsonl.")]
    diverged = sum(1 for line in lines if line.get("kind") == "train" and not _is_finite(line.get("loss")))
    if diverged:
        remarks.append(note(f"{of}{count(diverged, 'step')} with a loss that is not a number, not in the chart."))
    end = next((line for line in lines if line.get("kind") == "end"), None)
    if end is None:
        remarks.append(note(f"{of}training has not come to its end."))
    elif end.get("broken"):
        remarks.append(note(f"{of}{count(end['broken'], 'clip')} could not be decoded in training."))
    return remarks


def _validations(name: str, lines: LogLines) -> Html:
    rows = [
        (line.get("epoch"), line.get("step"), *(_share(line.get(field)) for field in ("top1", "top5", "mean_class")))
        for line in lines
        if line.get("kind") == "val"
    ]
    if not rows:
        return Html()
    head = ("epoch", "step", "top-1", "top-5", "mean class")
    what = f"Validations of {name}" + (f", the last {MOST_ROWS:,}" if len(rows) > MOST_ROWS else "")
    return folded(f"{what} as a table", table(what, head, rows[-MOST_ROWS:]))


def _share(value: object) -> str:
    return percent(float(value) if isinstance(value, int | float) else None)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
