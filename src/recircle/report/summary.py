"""What was run, how, on what, how good it is and what it costs."""

import json
from collections.abc import Sequence
from typing import Any

from recircle.evaluation.table import METRICS
from recircle.report.charts import Axis, chart, horizontal, vertical
from recircle.report.facts import Facts
from recircle.report.limits import LONGEST_CONFIG
from recircle.report.markup import NOTHING, Html, count, element, folded, interval, join, note, percent, section, table

_SETTINGS = (
    ("epochs", ("epochs",)),
    ("batch", ("batch_size",)),
    ("optimiser", ("optimiser", "kind")),
    ("learning rate", ("optimiser", "lr")),
    ("weight decay", ("optimiser", "weight_decay")),
    ("schedule", ("schedule", "kind")),
    ("precision", ("precision",)),
    ("seed", ("seed",)),
)

_RADIUS = 9
MOVED = "Markers that would hide one another stand side by side."


def summary_section(facts: Sequence[Facts]) -> Html:
    """Return the section of all runs."""
    parts: list[Html] = [_figures(facts), _origins(facts)]
    if len(facts) > 1:
        parts.append(scatters(facts))
    parts += [_left_out(fact) for fact in facts if fact.predictions.left_out]
    parts += [_details(fact) for fact in facts]
    return section(2, "Summary", *parts, id="summary")


def scatters(facts: Sequence[Facts]) -> Html:
    """Return the accuracy of runs against what they cost."""
    charts: list[tuple[Html, bool]] = []
    costs = [fact.gmacs for fact in facts]
    if any(cost is not None for cost in costs):
        charts.append(_scatter("top-1 against GMACs of all views", "GMACs of a clip", facts, costs))
    speeds = [fact.clips_per_second for fact in facts]
    if any(speed is not None for speed in speeds):
        charts.append(_scatter("top-1 against speed", "clips a second, the network alone", facts, speeds))
    names = element("ol", *(element("li", fact.name) for fact in facts), class_="legend")
    remark = element("p", MOVED, class_="legend-text") if any(moved for _, moved in charts) else None
    return element("div", names, element("div", *(made for made, _ in charts), class_="charts"), remark)


def _figures(facts: Sequence[Facts]) -> Html:
    rows = []
    columns = {metric.name: metric.column for metric in METRICS if metric.column is not None}
    for fact in facts:
        speed = NOTHING if fact.clips_per_second is None else f"{fact.clips_per_second:,.1f}"
        levels = fact.families.levels[:1] if fact.families is not None else ()
        measured = {row.metric.name: row for table in (fact.metrics, *levels) for row in table.figures.rows}
        rows.append(
            (
                fact.name,
                *(interval(measured[name].estimate) if name in measured else NOTHING for name in columns),
                NOTHING if fact.cost is None else f"{fact.cost.params / 1e6:.2f} M",
                NOTHING if fact.cost is None else f"{_number(fact.cost.gmacs)} x {fact.views}",
                speed,
            )
        )
    head = ("run", *columns.values(), "parameters", "GMACs x views", "clips/s")
    metrics = facts[0].metrics
    chance = " and ".join(sorted({percent(1 / len(fact.predictions.classes)) for fact in facts}))
    legend = (
        f"Small figures are {percent(metrics.level, 0)} percentile bootstrap intervals over the clips "
        f"({metrics.resamples} resamples, seed {metrics.seed}); they do not hold for the seed of training. "
        f"Chance of top-1: {chance}."
    )
    measured = [fact for fact in facts if fact.speed is not None]
    if measured:
        where = " and ".join(sorted({fact.speed.where for fact in measured if fact.speed is not None}))
        legend += f" Clips/s: the network alone, all views of a clip, on {where}."
    return join([table("Accuracy and cost", head, rows), element("p", legend, class_="legend-text")])


def _origins(facts: Sequence[Facts]) -> Html:
    rows = []
    for fact in facts:
        metrics = fact.metrics
        classes = count(len(fact.predictions.classes), "class", "classes")
        unlabelled = len(fact.predictions) - metrics.clips
        rows.append(
            (
                fact.name,
                fact.spec.model.title,
                metrics.data or NOTHING,
                f"{count(metrics.clips, 'clip')} of {classes}"
                + (f", {unlabelled} more without a label" if unlabelled else ""),
                metrics.left_out,
                metrics.protocol,
            )
        )
    head = ("run", "network", "data, split", "clips", "left out", "protocol")
    return table("What was run on what", head, rows, text=range(len(head)))


def _left_out(fact: Facts) -> Html:
    paths = fact.predictions.left_out
    listed = element("ul", *(element("li", path) for path in paths[:100]), class_="paths")
    more = f"and {len(paths) - 100} more" if len(paths) > 100 else None
    words = f"{fact.name}: {count(len(paths), 'clip')} left out, which could not be decoded."
    return join([note(words), folded("Which", listed, element("p", more) if more else None)])


def _details(fact: Facts) -> Html:
    options = {name: value for name, value in _plain(fact.config.get("model")).items() if value not in (None, "")}
    settings = [(title, _look_up(fact.config, keys)) for title, keys in _SETTINGS]
    rows = [
        ("folder", str(fact.run.path)),
        ("predictions", fact.file.name),
        (
            "network",
            ", ".join(f"{name} {json.dumps(value)}" for name, value in options.items()) or fact.spec.model.name,
        ),
        ("frames", str(fact.spec.sampling)),
        *((title, value) for title, value in settings if value is not None),
    ]
    parts = [table(f"Run {fact.name}", (), rows, text=(0, 1))]
    if fact.config:
        words = json.dumps(fact.config, indent=2, ensure_ascii=False)
        if len(words) > LONGEST_CONFIG:
            words = (
                f"{words[:LONGEST_CONFIG]}\n… and {len(words) - LONGEST_CONFIG:,} characters more, in the run's folder"
            )
        code = element("pre", words, tabindex=0, role="region", aria_label=f"config.json of {fact.name}")
        parts.append(folded("The whole config.json", code))
    else:
        parts.append(element("p", "There is no config.json: how it was trained is not recorded."))
    return folded(f"Settings of {fact.name}", *parts)


def _scatter(name: str, title: str, facts: Sequence[Facts], values: Sequence[float | None]) -> tuple[Html, bool]:
    """Return a chart, and whether markers stand beside their places."""
    points = [(n, fact, value) for n, (fact, value) in enumerate(zip(facts, values)) if value is not None]
    costs = [value for _, _, value in points]
    log = min(costs) > 0 and max(costs) / min(costs) > 8
    x = horizontal(title, costs if log else [0.0, *(1.08 * cost for cost in costs)], log=log)
    tops = [fact.metrics.top1 for _, fact, _ in points]
    y = vertical(name, [0.0, *(1.05 * top.high for top in tops)], percent=True)
    places = side_by_side([(float(x.place(v)), float(y.place(fact.metrics.top1.value))) for _, fact, v in points], x)
    shown = [_point(n, fact, value, across, y) for (n, fact, value), across in zip(points, places)]
    return chart(name, x, y, *shown), places != [float(x.place(value)) for _, _, value in points]


def side_by_side(points: Sequence[tuple[float, float]], x: Axis) -> list[float]:
    """Return where markers stand along the bottom, so that none hides another: at their place, or else beside it.

    Args:
        points: their places (x, y) in pixels.
        x: the axis, beyond whose ends none stands.
    """
    width = 2 * _RADIUS + 1
    taken: list[tuple[float, float]] = []
    for across, up in points:
        shifts = [sign * step * width / 4 for step in range(8 * len(points)) for sign in (1, -1)]
        tries = [across + shift for shift in shifts if x.start <= across + shift <= x.end]
        free = (at for at in tries if all((at - a) ** 2 + (up - b) ** 2 >= width**2 for a, b in taken))
        taken.append((next(free, across), up))
    return [across for across, _ in taken]


def _point(number: int, fact: Facts, value: float, across: float, y: Axis) -> Html:
    top = fact.metrics.top1
    words = f"{fact.name}: {top}, {_number(value)}"
    return element(
        "g",
        element("title", words),
        element("line", x1=across, x2=across, y1=y.place(top.low), y2=y.place(top.high), class_=f"line c{number % 6}"),
        element("circle", cx=across, cy=y.place(top.value), r=_RADIUS, class_=f"point c{number % 6}"),
        element("text", number + 1, x=across, y=y.place(top.value), dy=".35em", text_anchor="middle", class_="on"),
    )


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:,.1f}"


def _look_up(config: Any, keys: Sequence[str]) -> object:
    for key in keys:
        config = _plain(config).get(key)
    return config


def _plain(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
