"""The confusion matrix: of the families first, each of which opens; and as one picture of all classes."""

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recircle.report.counts import Counts, Group
from recircle.report.limits import MOST_CELLS, MOST_WRITTEN
from recircle.report.markup import Html, count, element, folded, join, note, percent, scrolling, section
from recircle.terminal import visible

SHADES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75)
"""Rates at which the shade of a cell deepens."""

WIDEST, WIDEST_OF_FAMILIES = 40, 80
"""Classes, and families, of the largest matrix that is written out as a table."""


WIDEST_PICTURE = 700
"""Pixels that the picture has at least, one a class, where a screen is narrower."""

MANY_LINES = 60
"""Lines between families that would hide what is between them."""

MANY = 15
"""Families whose list is folded itself."""


def confusion_section(counts: Counts, key: str) -> Html:
    """Return the section.

    Args:
        counts: of the clips.
        key: of the run, which keeps its elements apart from those of other runs.
    """
    parts: list[Html] = []
    if counts.not_finite:
        parts.append(
            note(
                f"{count(counts.not_finite, 'clip')} with scores that are not numbers: counted as wrong, and not in "
                "these matrices. The network diverged."
            )
        )
    parts.append(element("p", "Rows are true classes, columns what they are taken for. Rates are shares of the row."))
    tables: list[Html] = []
    if counts.has_families and 1 < len(counts.groups) <= WIDEST_OF_FAMILIES:
        tables.append(_family_matrix(counts))
    if counts.has_families:
        families, left = [], MOST_WRITTEN
        for group in counts.groups:
            if len(group.classes) > 1:
                left -= len(group.classes) ** 2
                families.append(_family(counts, group, written=left >= 0 and len(group.classes) <= WIDEST))
        many = len(families) > MANY
        tables += [folded(f"Each of the {len(families)} families", *families)] if many else families
    elif len(counts.classes) <= WIDEST:
        tables.append(_class_matrix(counts, range(len(counts.classes)), "all classes"))
    if tables:
        parts.append(element("div", _switch(key), *tables, class_="matrices"))
    # of a few classes without families the table is all there is to see
    if counts.has_families or len(counts.classes) > WIDEST:
        parts.append(_picture(counts))
    return section(3, "Confusion matrix", *parts, id=f"{key}-confusion")


def shade(rate: float) -> int:
    """Return how deep the shade of a rate is, from 1 to 8."""
    return int(np.searchsorted(SHADES, rate, side="right")) + 1


def _switch(key: str) -> Html:
    """Return the choice between counts and rates, which works without a script."""
    choices = [
        element(
            "label",
            element("input", type="radio", name=f"{key}-show", class_=f"show-{what}", checked=what == "counts"),
            f" {what}",
        )
        for what in ("counts", "rates")
    ]
    return element("fieldset", element("legend", "In the cells"), *choices, class_="switch")


def _family_matrix(counts: Counts) -> Html:
    names = [group.name for group in counts.groups]
    return _matrix("families", names, names, counts.between(), [group.clips for group in counts.groups])


def _family(counts: Counts, group: Group, *, written: bool) -> Html:
    chance = 1 / len(group.classes)
    within = counts.confusion[np.ix_(group.classes, group.classes)]
    elsewhere = int(counts.confusion[list(group.classes)].sum() - within.sum())
    summary = join(
        [
            element("b", group.name),
            f": {count(len(group.classes), 'class', 'classes')}, {count(group.clips, 'clip')}",
        ]
    )
    if group.clips:
        summary = join(
            [
                summary,
                f"; right {percent(group.right / group.clips)}, inside the family "
                f"{percent(group.inside / group.clips)} (chance {percent(chance)}), in another family "
                f"{percent(elsewhere / group.clips)}",
            ]
        )
    if not written:
        return folded(summary, element("p", "Too many classes for a table; they are in the picture and the lists."))
    return folded(summary, _class_matrix(counts, group.classes, group.name), class_="family")


def _class_matrix(counts: Counts, members: Sequence[int], name: str) -> Html:
    rows = list(members)
    cells = counts.confusion[np.ix_(rows, rows)]
    names = [counts.classes[n] for n in rows]
    columns = names
    if len(rows) < len(counts.classes):
        cells = np.column_stack([cells, counts.confusion[rows].sum(1) - cells.sum(1)])
        columns = [*names, "other families"]
    return _matrix(name, names, columns, cells, counts.clips[rows].tolist())


def _matrix(
    name: str, rows: Sequence[str], columns: Sequence[str], cells: NDArray[np.int64], clips: Sequence[int]
) -> Html:
    """Return a matrix of counts as a table; columns at the place of a row are right."""
    head = [element("th", element("span", title), scope="col", title=title) for title in columns]
    body: list[Html] = []
    for row, title in enumerate(rows):
        tds = [
            _cell(int(number), clips[row], title, columns[column], right=row == column)
            for column, number in enumerate(cells[row])
        ]
        words = element("span", title, class_="name", title=title)
        first = element("th", words, " ", element("span", clips[row], class_="interval"), scope="row")
        body.append(element("tr", first, *tds))
    inside = element(
        "table",
        element("caption", element("span", f"{name}: true (rows) against predicted (columns)")),
        element("thead", element("tr", element("td"), *head)),
        element("tbody", join(body, "\n")),
        class_="matrix",
    )
    return scrolling(inside, f"confusion matrix: {name}")


def _cell(number: int, of: int, true: str, predicted: str, *, right: bool) -> Html:
    if not number:
        return Html("<td></td>")
    rate = number / of
    title = f"{true} {'recognised' if right else 'taken for ' + predicted}: {count(number, 'clip')}, {percent(rate)}"
    shown = (element("span", number, class_="n"), element("span", f"{100 * rate:.0f}", class_="r"))
    return element("td", *shown, class_=f"{'y' if right else 'x'} s{shade(rate)}", title=title)


def _picture(counts: Counts) -> Html:
    """Return all classes as one picture; a script tells the cell below the pointer or the arrow keys."""
    order = counts.order
    cells = counts.confusion[np.ix_(order, order)]
    clips = counts.clips[order]
    size = len(order)
    squares: dict[str, list[str]] = {}
    triples: list[int] = []
    drawn, left_out = _drawn(cells)
    for row, column in drawn.tolist():
        number = int(cells[row, column])
        kind = f"{'y' if row == column else 'x'} s{shade(number / int(clips[row]))}"
        squares.setdefault(kind, []).append(f"M{column} {row}h1v1h-1z")
        triples += [row, column, number]
    shades = [element("path", d="".join(path), class_=kind) for kind, path in sorted(squares.items())]
    lines: list[str] = []
    place = 0
    for group in counts.groups[:-1] if counts.has_families else ():
        place += len(group.classes)
        lines += [f"M0 {place}h{size}", f"M{place} 0v{size}"]
    words = f"confusion matrix of {size} classes; the lists of classes say the same in words"
    missing = (
        f" To keep this page small, the {left_out:,} cells with the fewest clips are not drawn." if left_out else ""
    )
    svg = element(
        "svg",
        element("rect", width=size, height=size, class_="ground"),
        *shades,
        element("path", d="".join(lines), class_="borders" if len(lines) < MANY_LINES else "borders many"),
        element("rect", width=1, height=1, class_="cursor"),
        viewBox=f"0 0 {size} {size}",
        role="img",
        aria_label=words,
        tabindex=0,
        style=f"width:{min(44, max(8, 1.2 * size)):g}rem;min-width:{min(size, WIDEST_PICTURE)}px",
    )
    content = {
        "names": [visible(counts.classes[n]) for n in order],
        "clips": clips.tolist(),
        "cells": triples,
        "whole": not left_out,
    }
    return element(
        "figure",
        scrolling(svg, "picture of all classes"),
        element("output", class_="told"),
        element("script", _script_json(content), type="application/json"),
        element(
            "figcaption",
            f"All {size} classes{', family by family' if counts.has_families else ''}. "
            "Point at a cell, or use the arrow keys, to read it." + missing,
        ),
        class_="map",
    )


def _drawn(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Return the cells to draw, [N, 2], and how many others have clips: the diagonal comes first, then by clips."""
    places = np.argwhere(cells)
    if len(places) <= MOST_CELLS:
        return places, 0
    rows, columns = places.T
    order = np.lexsort((-cells[rows, columns], rows != columns))
    return places[np.sort(order[:MOST_CELLS])], len(places) - MOST_CELLS


def _script_json(content: object) -> Html:
    """Return JSON that may stand in a script element, which only `</` and `<!` could end or change."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return Html(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
