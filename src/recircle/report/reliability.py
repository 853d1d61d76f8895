"""Whether a network is right as often as it says, before and after its temperature."""

import numpy as np

from recircle.evaluation.calibration import (
    Calibration,
    ReliabilityBin,
    expected_calibration_error,
    reliability_curve,
)
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.provenance import differing, same_clips
from recircle.report.charts import Axis, Series, chart, draw_line, horizontal, vertical
from recircle.report.markup import NOTHING, Html, count, element, folded, note, percent, section, table

BINS = 15


def reliability_section(predictions: Predictions, calibration: Calibration | None, key: str) -> Html:
    """Return the section.

    Args:
        predictions: of labelled clips.
        calibration: the temperature of the run, if it has one.
        key: of the run.
    """
    known = predictions.measurable()
    title = "Reliability"
    broken = int((~np.isfinite(known.scores())).any(1).sum())
    if broken:
        words = f"{count(broken, 'clip')} with scores that are not numbers: nothing can be said of their confidence."
        return section(3, title, note(words), id=f"{key}-reliability")
    bins = calibration.bins if calibration is not None else BINS
    diagrams = [_diagram(known, 1.0, bins)]
    parts: list[Html] = []
    if calibration is None:
        parts.append(
            element("p", "No temperature is fitted; ", element("code", "recircle eval RUN --calibrate"), " fits one.")
        )
    elif differs := differing(calibration.provenance, predictions.provenance):
        parts.append(
            note(
                f"The run's temperature, {calibration.temperature:.3f}, is for another protocol "
                f"({calibration.protocol}; it differs in {', '.join(differs)}), so it is not applied here."
            )
        )
    else:
        diagrams.append(_diagram(known, calibration.temperature, bins))
        parts.append(_fitted(calibration, predictions))
    return section(3, title, *parts, element("div", *diagrams, class_="charts"), id=f"{key}-reliability")


def _fitted(calibration: Calibration, predictions: Predictions) -> Html:
    same = same_clips(calibration.provenance, predictions.provenance)
    where = (
        f"half of these clips ({calibration.fitted_on}), so the diagram after it flatters; the figures of this "
        if same
        else f"{calibration.fitted_on} clips of {calibration.data}; the figures of this "
    )
    before, after = calibration.ece_before, calibration.ece_after
    rows = [
        ("expected calibration error", percent(before), percent(after)),
        ("negative log-likelihood", f"{calibration.nll_before:.3f}", f"{calibration.nll_after:.3f}"),
    ]
    words = f"The temperature {calibration.temperature:.3f} was fitted on {where}table are of the others."
    caption = f"On the {calibration.tried_on} clips it was not fitted on"
    return Html(element("p", words) + table(caption, ("", "before", "after"), rows))


def _diagram(known: Predictions, temperature: float, bins: int) -> Html:
    scores = known.scores(temperature)
    curve = reliability_curve(scores, known.labels, bins)
    error = expected_calibration_error(scores, known.labels, bins)
    what = f"temperature {temperature:.3g}, expected calibration error {percent(error)}"
    x = horizontal("confidence", [0, 1], percent=True)
    y = vertical(f"accuracy at {what}", [0, 1], percent=True)
    bars = [_bar(part, x, y) for part in curve if part.accuracy is not None]
    ideal = draw_line(Series(name="ideal", points=[(0, 0), (1, 1)], colour=5, dashed=True), x, y)
    points = [(part.confidence, part.accuracy) for part in curve if part.confidence is not None and part.clips]
    dots = [element("circle", cx=x.place(a), cy=y.place(b), r=3, class_="dot c1") for a, b in points if b is not None]
    picture = chart(f"reliability diagram at {what}", x, y, *bars, ideal, *dots)
    rows = [
        (
            f"{percent(part.low, 0)} to {percent(part.high, 0)}",
            part.clips,
            _share(part.confidence),
            _share(part.accuracy),
        )
        for part in curve
    ]
    listed = table(f"Bins at temperature {temperature:.3g}", ("confidence", "clips", "mean", "accuracy"), rows)
    return element("div", picture, folded("The bins as a table", listed))


def _bar(part: ReliabilityBin, x: Axis, y: Axis) -> Html:
    assert part.accuracy is not None
    left, right, top, bottom = (
        float(p) for p in (x.place(part.low), x.place(part.high), y.place(part.accuracy), y.place(0))
    )
    title = f"{count(part.clips, 'clip')}: mean confidence {_share(part.confidence)}, accuracy {_share(part.accuracy)}"
    path = f"M{left:.1f} {bottom:.1f}V{top:.1f}H{right:.1f}V{bottom:.1f}z"
    # not the void `path`, so that it can hold its title
    return element("g", element("title", title), element("path", d=path, class_="bar"))


def _share(value: float | None) -> str:
    return NOTHING if value is None else percent(value)
