"""Charts as inline SVG: lines and points, in the colours of the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from recircle.report.markup import Html, element, join

WIDTH, HEIGHT = 360, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 20, 12, 40
MOST_POINTS = 300
"""Points of a line; longer ones are averaged in equal parts."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a chart.

    Attributes:
        name: in the legend.
        points: (x, y), ascending in x.
        colour: number of the colour, from 0.
        dots: mark each point.
        dashed: the line is dashed.
    """

    name: str
    points: Sequence[tuple[float, float]]
    colour: int = 0
    dots: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """From data to pixels.

    Attributes:
        low: least value.
        high: largest.
        start: pixel of the least.
        end: pixel of the largest.
        title: what it shows.
        log: logarithmic.
        percent: values are shares.
    """

    low: float
    high: float
    start: float
    end: float
    title: str
    log: bool = False
    percent: bool = False

    def place(self, value: float) -> str:
        """Return the pixel of a value."""
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        share = (at - low) / (high - low)
        return f"{self.start + share * (self.end - self.start):.1f}".removesuffix(".0")

    def ticks(self) -> list[tuple[float, str]]:
        """Return where marks are, and their text."""
        if self.log:
            exponents = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
            factors = (1,) if len(exponents) > 2 else (1, 2, 5)
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [f * 10.0**e for e in decades for f in factors if self.low <= f * 10.0**e <= self.high]
        else:
            step = _step(self.high - self.low)
            first = math.ceil(self.low / step - 1e-9)
            found = [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]
        return [(value, f"{100 * value:.3g} %" if self.percent else f"{value:.4g}") for value in found]


def chart(name: str, x: Axis, y: Axis, *content: object) -> Html:
    """Return a chart with its axes; `name` is read to those who do not see it."""
    parts: list[Html] = []
    for value, words in y.ticks():
        at = y.place(value)
        parts.append(element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=at, y2=at, class_="grid"))
        parts.append(element("text", words, x=_LEFT - 5, y=at, dy=".35em", text_anchor="end"))
    for value, words in x.ticks():
        at = x.place(value)
        parts.append(element("line", x1=at, x2=at, y1=_TOP, y2=HEIGHT - _BOTTOM, class_="grid"))
        parts.append(element("text", words, x=at, y=HEIGHT - _BOTTOM + 15, text_anchor="middle"))
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(element("text", x.title, x=middle, y=HEIGHT - 6, text_anchor="middle", class_="title"))
    svg = element(
        "svg",
        join(parts),
        *content,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=name,
        class_="chart",
    )
    return element("figure", element("figcaption", y.title), svg)


def horizontal(title: str, values: Sequence[float], *, log: bool = False, percent: bool = False) -> Axis:
    """Return the axis along the bottom that holds all values."""
    low, high = _range(values, log=log)
    return Axis(low, high, _LEFT, WIDTH - _RIGHT, title, log, percent)


def vertical(title: str, values: Sequence[float], *, log: bool = False, percent: bool = False) -> Axis:
    """Return the axis along the side that holds all values."""
    low, high = _range(values, log=log)
    return Axis(low, high, HEIGHT - _BOTTOM, _TOP, title, log, percent)


def draw_line(series: Series, x: Axis, y: Axis) -> Html:
    """Return a line of a chart."""
    points = thin(series.points)
    places = [(x.place(a), y.place(b)) for a, b in points]
    line = element(
        "polyline",
        points=" ".join(f"{a},{b}" for a, b in places),
        class_=f"line c{series.colour % 6}" + (" dashed" if series.dashed else ""),
    )
    if not (series.dots or len(places) == 1):
        return line
    dots = [element("circle", cx=a, cy=b, r=3, class_=f"dot c{series.colour % 6}") for a, b in places]
    return join([line, *dots])


def line_chart(name: str, x: str, y: str, series: Sequence[Series], *, percent: bool = False) -> Html:
    """Return a chart of lines; nothing where there is no point."""
    points = [point for part in series for point in part.points]
    if not points:
        return Html()
    across = horizontal(x, [a for a, _ in points])
    up = vertical(y, [0.0, *(b for _, b in points)], percent=percent)
    return chart(name, across, up, *(draw_line(part, across, up) for part in series if part.points))


def legend(names: Sequence[str]) -> Html:
    """Return which colour is what; nothing for a single line."""
    if len(names) < 2:
        return Html()
    items = [
        element("li", element("span", class_=f"key c{n % 6}", aria_hidden="true"), f"{n + 1} {name}")
        for n, name in enumerate(names)
    ]
    return element("ul", *items, class_="legend")


def thin(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """Return no more points than `most`, each the mean of neighbours."""
    size = -(-len(points) // most)
    parts = [points[n : n + size] for n in range(0, len(points), size)] if points else []
    return [(sum(a for a, _ in part) / len(part), sum(b for _, b in part) / len(part)) for part in parts]


def _range(values: Sequence[float], *, log: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if log:
        return low / 1.5, high * 1.5
    if low == high:
        return min(low, 0.0), max(high, 0.0) or 1.0
    return low, high


def _step(width: float) -> float:
    """Return a round distance between four to eight marks."""
    rough = width / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
