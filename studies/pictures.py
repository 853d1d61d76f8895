"""Pictures of a study's systems: how well each does, how sure that is, and what it costs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from recircle.errors import UserError
from studies.summary import Figure, Row, Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

Cost = Literal["gmacs", "seconds", "clips_per_second"]

# of the palette of Okabe and Ito, which is told apart with any kind of colour vision; the shapes tell too
ARC, PLAIN = "#D55E00", "#0072B2"
SHAPES = {ARC: "D", PLAIN: "o"}
NAMES = {ARC: "with ARC", PLAIN: "plain"}
GREY = "0.35"

FIGURES: dict[Figure, str] = {"top1": "top-1 accuracy (%)", "inside": "top-1 accuracy inside the family (%)"}
COSTS: dict[Cost, str] = {
    "gmacs": "multiply-adds of a view (billions, log scale)",
    "seconds": "time of training (minutes, log scale)",
    "clips_per_second": "speed of training (clips per second, log scale)",
}


def dots(
    rows: Sequence[Row],
    path: Path,
    *,
    figure: Figure,
    title: str,
    chance: float | None = None,
    baseline: str | None = None,
) -> None:
    """Draw a line for each system: its repetitions, their mean and its 95 % interval.

    Args:
        rows: the systems, from top to bottom; those without the figure are left out.
        path: of the PNG file.
        figure: which accuracy.
        title: of the picture.
        chance: accuracy of guessing, as a share.
        baseline: system whose mean goes through the whole picture as a thin line.

    Raises:
        UserError: matplotlib is not installed.
        ValueError: no system has the figure.
    """
    shown = _with(rows, figure)
    picture = _picture(7.2, 1.5 + 0.34 * len(shown))
    axes = picture.add_subplot()
    for place, (row, spread) in enumerate(shown):
        colour = _colour(row)
        values = [100 * value for value in spread.values]
        axes.scatter(values, [place] * len(values), s=22, color=colour, alpha=0.35, linewidths=0, zorder=2)
        axes.errorbar(
            100 * spread.mean,
            place,
            xerr=_error(spread),
            fmt=SHAPES[colour],
            color=colour,
            markersize=6.5,
            markeredgecolor="white",
            elinewidth=1.8,
            zorder=3,
        )
        if row.system == baseline:
            axes.axvline(100 * spread.mean, color=colour, linewidth=0.9, alpha=0.7, zorder=1)
    if chance is not None:
        axes.axvline(100 * chance, color=GREY, linewidth=1.2, linestyle="--", zorder=1)
    axes.set_yticks(range(len(shown)), [row.system for row, _ in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(FIGURES[figure])
    _finish(picture, axes, title, shown, path, chance=chance is not None)


def scatter(rows: Sequence[Row], path: Path, *, figure: Figure, x: Cost, title: str) -> None:
    """Draw accuracy against cost, with 95 % intervals.

    Args:
        rows: the systems; those without the figure are left out.
        path: of the PNG file.
        figure: which accuracy.
        x: which cost.
        title: of the picture.

    Raises:
        UserError: matplotlib is not installed.
        ValueError: no system has the figure.
    """
    shown = _with(rows, figure)
    picture = _picture(7.2, 4.8)
    axes = picture.add_subplot()
    points = [(_cost(row, x), 100 * spread.mean) for row, spread in shown]
    for (row, spread), (cost, accuracy) in zip(shown, points):
        colour = _colour(row)
        axes.errorbar(
            cost,
            accuracy,
            yerr=_error(spread),
            fmt=SHAPES[colour],
            color=colour,
            markersize=7,
            markeredgecolor="white",
            elinewidth=1.4,
            zorder=3,
        )
    _log_axis(axes, [cost for cost, _ in points])
    axes.set_xlabel(COSTS[x])
    axes.set_ylabel(FIGURES[figure])
    axes.margins(y=0.12)
    _finish(picture, axes, title, shown, path, labels=points)


def _with(rows: Sequence[Row], figure: Figure) -> list[tuple[Row, Spread]]:
    found = [(row, spread) for row in rows if (spread := getattr(row, figure)) is not None]
    if not found:
        raise ValueError(f"no system has the figure {figure!r}")
    return found


def _picture(width: float, height: float) -> "Picture":
    try:
        from matplotlib.figure import Figure as Picture
    except ImportError:
        raise UserError("the pictures need matplotlib; `pip install recircle[plot]`") from None
    return Picture(figsize=(width, height), layout="constrained")


def _colour(row: Row) -> str:
    return ARC if row.arc else PLAIN


def _cost(row: Row, x: Cost) -> float:
    return row.seconds / 60 if x == "seconds" else float(getattr(row, x))


def _error(spread: Spread) -> list[list[float]] | None:
    if spread.low is None or spread.high is None:
        return None
    return [[100 * (spread.mean - spread.low)], [100 * (spread.high - spread.mean)]]


def _log_axis(axes: "Axes", costs: Sequence[float]) -> None:
    """Set up an axis with plain numbers on it, two or more whatever the costs."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = min(costs), max(costs)
    # systems of nearly the same cost must not look far apart
    room = max(1.25, (2.5 * low / high) ** 0.5)
    axes.set_xscale("log")
    axes.set_xlim(low / room, high * room)
    narrow = high * room**2 / low < 12
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 6, 8) if narrow else (1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))


def _finish(
    picture: "Picture",
    axes: "Axes",
    title: str,
    shown: Sequence[tuple[Row, Spread]],
    path: Path,
    *,
    chance: bool = False,
    labels: Sequence[tuple[float, float]] = (),
) -> None:
    """Add what all pictures have, and write the file; the same input gives the same bytes."""
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=10)
    axes.xaxis.label.set_fontsize(10.5)
    axes.yaxis.label.set_fontsize(10.5)
    picture.suptitle(title, fontsize=12)
    _legend(picture, [row for row, _ in shown], chance=chance)
    if labels:
        _label(picture, axes, [row for row, _ in shown], [spread for _, spread in shown], labels)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, format="png", dpi=150, metadata={"Software": None})


def _legend(picture: "Picture", rows: Sequence[Row], *, chance: bool) -> None:
    from matplotlib.lines import Line2D

    kinds = [colour for colour in NAMES if any(_colour(row) == colour for row in rows)]
    entries = [
        Line2D([], [], color=colour, marker=SHAPES[colour], markeredgecolor="white", markersize=7, label=NAMES[colour])
        for colour in kinds
    ]
    if chance:
        entries.append(Line2D([], [], color=GREY, linewidth=1.2, linestyle="--", label="chance"))
    picture.legend(handles=entries, loc="outside lower center", ncols=len(entries), fontsize=10, frameon=False)


def _label(
    picture: "Picture",
    axes: "Axes",
    rows: Sequence[Row],
    spreads: Sequence[Spread],
    points: Sequence[tuple[float, float]],
) -> None:
    """Write each system's name beside its point, where it meets no other name, point or interval if there is room."""
    from matplotlib.transforms import Bbox

    # the places are in pixels, so nothing may move from here on
    picture.draw_without_rendering()
    picture.set_layout_engine("none")
    scale = picture.dpi / 72
    taken: list[Bbox] = []
    for spread, (cost, accuracy) in zip(spreads, points):
        column, _ = axes.transData.transform((cost, accuracy))
        ends = [accuracy if end is None else 100 * end for end in (spread.low, spread.high)]
        bottom, top = (axes.transData.transform((cost, end))[1] for end in ends)
        taken.append(Bbox([[column - 2 * scale, bottom], [column + 2 * scale, top]]))
        _, row = axes.transData.transform((cost, accuracy))
        taken.append(Bbox([[column - 4 * scale, row - 4 * scale], [column + 4 * scale, row + 4 * scale]]))
    for row, point in zip(rows, points):
        tries = [_annotation(axes, row, point, place) for place in _PLACES]
        boxes = [one.get_window_extent() for one in tries]
        crowds = [_crowd(box, taken, axes.get_window_extent()) for box in boxes]
        best = crowds.index(min(crowds))
        for one in tries:
            if one is not tries[best]:
                one.remove()
        taken.append(boxes[best])


_PLACES = [
    (7, 0, "left", "center"),
    (-7, 0, "right", "center"),
    *(
        (sign * 7, up, side, "center")
        for up in (10, -10, 20, -20, 32, -32)
        for sign, side in ((1, "left"), (-1, "right"))
    ),
]
"""Where a name may stand: points to the right of its dot and above it, and which side of the name is there."""


def _annotation(
    axes: "Axes", row: Row, point: tuple[float, float], place: tuple[float, float, str, str]
) -> "Annotation":
    right, up, side, middle = place
    return axes.annotate(
        row.system,
        point,
        (right, up),
        textcoords="offset points",
        ha=side,
        va=middle,
        fontsize=9,
        color=_colour(row),
        zorder=4,
    )


def _crowd(box: "Bbox", taken: Sequence["Bbox"], frame: "Bbox") -> float:
    """Return how many square pixels of a name are covered already, or outside the axes."""
    inside = _common(box, frame)
    return box.width * box.height - inside + sum(_common(box, other) for other in taken)


def _common(one: "Bbox", other: "Bbox") -> float:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, width) * max(0.0, height)
