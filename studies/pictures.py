"""Pictures of a study's systems: how well each does, how sure that is, and what it costs."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image

from recircle import UserError
from recircle.files import atomic_write
from studies.summary import Figure, Row, Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

Cost = Literal["gmacs", "seconds", "clips_per_second", "clip"]

# of the palette of Okabe and Ito, which is told apart with any kind of colour vision; the shapes tell too
ARC, PLAIN = "#D55E00", "#0072B2"
SHAPES = {ARC: "D", PLAIN: "o"}
NAMES = {ARC: "with ARC", PLAIN: "plain"}
GREY = "0.35"
DPI = 150

FIGURES: dict[Figure, str] = {"top1": "top-1 accuracy (%)", "inside": "top-1 accuracy inside the family (%)"}
COSTS: dict[Cost, str] = {
    "gmacs": "multiply-adds of a view (billions, log scale)",
    "seconds": "time of training (minutes, log scale)",
    "clips_per_second": "speed of training (clips per second, log scale)",
    "clip": "time of inference of one clip (ms, log scale)",
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
    lines: list[Line2D] = []
    for place, (row, spread) in enumerate(shown):
        colour = _colour(row)
        values = [100 * value for value in spread.values]
        # below the mean, which would hide them
        axes.scatter(values, [place + 0.24] * len(values), s=16, color=colour, alpha=0.4, linewidths=0, zorder=2)
        axes.errorbar(
            100 * spread.mean,
            place,
            xerr=_error(spread),
            fmt=SHAPES[colour],
            color=colour,
            markersize=6,
            elinewidth=1.6,
            capsize=3,
            zorder=3,
        )
        if row.system == baseline:
            lines.append(axes.axvline(100 * spread.mean, color=GREY, linewidth=0.9, zorder=1, label=baseline))
    if chance is not None:
        lines.append(axes.axvline(100 * chance, color=GREY, linewidth=1.2, linestyle="--", zorder=1, label="chance"))
    axes.set_yticks(range(len(shown)), [row.system for row, _ in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(FIGURES[figure], fontsize=10.5)
    _finish(picture, axes, title, shown, lines)
    _save(picture, path)


def scatter(
    rows: Sequence[Row],
    path: Path,
    *,
    figure: Figure,
    x: Cost,
    title: str,
    measured: Mapping[str, float] | None = None,
) -> None:
    """Draw accuracy against cost, with 95 % intervals.

    Args:
        rows: the systems; those without the figure are left out.
        path: of the PNG file.
        figure: which accuracy.
        x: which cost.
        title: of the picture.
        measured: the cost of each system, where no row has it.

    Raises:
        UserError: matplotlib is not installed.
        ValueError: no system has the figure.
    """
    shown = _with(rows, figure)
    picture = _picture(7.2, 4.8)
    axes = picture.add_subplot()
    costs = {row.system: _cost(row, x) for row, _ in shown} if measured is None else measured
    points = [(costs[row.system], 100 * spread.mean) for row, spread in shown]
    for (row, spread), (cost, accuracy) in zip(shown, points):
        colour = _colour(row)
        axes.errorbar(
            cost,
            accuracy,
            yerr=_error(spread),
            fmt=SHAPES[colour],
            color=colour,
            markersize=6.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            elinewidth=1.3,
            capsize=3,
            zorder=3,
        )
    _log_axis(axes, [cost for cost, _ in points])
    axes.set_xlabel(COSTS[x], fontsize=10.5)
    axes.set_ylabel(FIGURES[figure], fontsize=10.5)
    axes.margins(y=0.12)
    _finish(picture, axes, title, shown)
    _label(picture, axes, [row for row, _ in shown], [spread for _, spread in shown], points)
    _save(picture, path)


def curves(lines: Mapping[str, Sequence[Row]], path: Path, *, figure: Figure, title: str) -> None:
    """Draw accuracy against the time of training, a line with 95 % intervals for each network.

    Points of the same time are moved apart by a few percent, so that their intervals can be seen.

    Args:
        lines: the rows of each network, one for each time of training; networks without a row are left out.
        path: of the PNG file.
        figure: which accuracy.
        title: of the picture.

    Raises:
        UserError: matplotlib is not installed.
        ValueError: no row has the figure.
    """
    shown = _with([row for rows in lines.values() for row in rows], figure)
    picture = _picture(7.2, 4.8)
    axes = picture.add_subplot()
    handles: list[Line2D] = []
    styles: dict[str, Iterator[tuple[str, Any]]] = defaultdict(lambda: cycle(_STYLES))
    for (name, rows), nudge in zip(lines.items(), cycle(_NUDGES)):
        found = _with(rows, figure) if rows else []
        if not found:
            continue
        minutes = [nudge * row.seconds / 60 for row, _ in found]
        means = [100 * spread.mean for _, spread in found]
        colour = _colour(found[0][0])
        style, fill = next(styles[colour])
        handles += axes.plot(
            minutes, means, style, color=colour, marker=SHAPES[colour], markersize=6, fillstyle=fill, label=name
        )
        for place, mean, (_, spread) in zip(minutes, means, found):
            axes.errorbar(place, mean, yerr=_error(spread), color=colour, elinewidth=1.2, capsize=3, zorder=3)
    _log_axis(axes, [row.seconds / 60 for row, _ in shown])
    axes.set_xlabel(COSTS["seconds"], fontsize=10.5)
    axes.set_ylabel(FIGURES[figure], fontsize=10.5)
    axes.legend(handles=handles, fontsize=9, frameon=False, handlelength=3)
    _finish(picture, axes, title, shown)
    _save(picture, path)


_STYLES = (("-", "full"), ("--", "none"), (":", "left"), ("-.", "bottom"))
"""Of lines in one colour: how they are drawn, and which part of a marker is filled, for lines of one point."""

_NUDGES = (0.99, 1.01, 1.03, 0.97, 1.05)


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
    span = high * room**2 / low
    subs = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if span < 4 else (1, 1.5, 2, 3, 4, 6, 8) if span < 12 else (1, 2, 5)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))


def _finish(
    picture: "Picture",
    axes: "Axes",
    title: str,
    shown: Sequence[tuple[Row, Spread]],
    lines: "Sequence[Line2D]" = (),
) -> None:
    """Add what all pictures have: a grid, a title, and a legend, of these lines too."""
    from matplotlib.lines import Line2D

    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=10)
    picture.suptitle(title, fontsize=12)
    kinds = [colour for colour in NAMES if any(_colour(row) == colour for row, _ in shown)]
    entries = [
        Line2D([], [], color=colour, marker=SHAPES[colour], markersize=6.5, label=NAMES[colour]) for colour in kinds
    ]
    handles = [*entries, *lines]
    picture.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=10, frameon=False)


def _save(picture: "Picture", path: Path) -> None:
    """Write a file that is the same for the same systems, with a palette, which makes it a third as large."""
    drawn = BytesIO()
    picture.savefig(drawn, format="png", dpi=DPI)
    image = Image.open(drawn).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, lambda place: image.save(place, format="png", optimize=True, dpi=(DPI, DPI)))


def _label(
    picture: "Picture",
    axes: "Axes",
    rows: Sequence[Row],
    spreads: Sequence[Spread],
    points: Sequence[tuple[float, float]],
) -> None:
    """Write each system's name beside its point, where it meets no other name, point or interval if there is room.

    A line leads from the point to a name that has to stand further away.
    """
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
        right, up, _ = _PLACES[best]
        if abs(up) > 10:
            line = {"arrowstyle": "-", "color": _colour(row), "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", point, (right, up), textcoords="offset points", arrowprops=line, zorder=2)


Place = tuple[float, float, Literal["left", "right"]]

_SIDES: tuple[tuple[float, Literal["left", "right"]], ...] = ((7, "left"), (-7, "right"))

_PLACES: list[Place] = [
    (right, up, side) for up in (0, 10, -10, 20, -20, 32, -32, 46, -46, 60, -60) for right, side in _SIDES
]
"""Where a name may stand: points to the right of its dot and above it, and which of its ends is there."""


def _annotation(axes: "Axes", row: Row, point: tuple[float, float], place: Place) -> "Annotation":
    right, up, side = place
    return axes.annotate(
        row.system,
        point,
        (right, up),
        textcoords="offset points",
        ha=side,
        va="center",
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
