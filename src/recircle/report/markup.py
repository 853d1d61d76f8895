"""HTML that is safe by construction: text is escaped unless it is `Html` already."""

import html
import math
import re
from collections.abc import Collection, Iterable, Sequence

from recircle.evaluation.estimate import Estimate
from recircle.terminal import visible_lines

_VOID = frozenset({"img", "input", "meta", "rect", "line", "path", "circle", "polyline"})
NOTHING = "–"
"""What stands where there is no figure."""


class Html(str):
    """Text that is HTML already, and is not escaped again."""

    __slots__ = ()


def safe(content: object) -> Html:
    r"""Return the HTML of anything: itself if it is `Html`, else its text, escaped; None is nothing.

    Characters that no HTML file may hold or that nobody sees (control characters, what reverses the order of letters,
    bytes of a file name that are not UTF-8) are spelt as in Python, such as `\x1b`.
    """
    if isinstance(content, Html):
        return content
    if content is None:
        return Html()
    return Html(html.escape(visible_lines(str(content))))


def join(parts: Iterable[object], between: str = "") -> Html:
    """Return the HTML of parts, one after the other."""
    return Html(safe(between).join(safe(part) for part in parts))


def element(tag: str, *content: object, **attributes: object) -> Html:
    """Return an element.

    Args:
        tag: its name.
        content: text and `Html` inside it; void elements have none.
        attributes: by name, with `_` for `-` and a trailing one taken off (`class_`). True is an attribute without a
            value; False and None are none.
    """
    words = [tag]
    for name, value in attributes.items():
        if value is not None and value is not False:
            plain = name.rstrip("_").replace("_", "-")
            words.append(plain if value is True else f'{plain}="{safe(value)}"')
    opened = f"<{' '.join(words)}>"
    if tag in _VOID:
        # the slash ends the elements of SVG, and is passed over in those of HTML
        return Html(opened if tag in ("img", "input", "meta") else opened[:-1] + "/>")
    return Html(f"{opened}{join(content)}</{tag}>")


def section(number: int, title: object, *content: object, id: str | None = None) -> Html:  # noqa: A002
    """Return a section under a heading of a level."""
    return Html(element("section", element(f"h{number}", title), *content, id=id) + "\n")


def table(
    caption: object,
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    text: Collection[int] = (0,),
    class_: str = "list",
) -> Html:
    """Return a table that scrolls by itself where it is too wide.

    Args:
        caption: what it shows.
        head: titles of the columns; empty where the titles of the rows say all.
        rows: their cells; the first of each is the row's title.
        text: which columns are words; the others are figures.
        class_: of the table.
    """

    def kind(column: int) -> str | None:
        return None if column in text else "figure"

    titles = [element("th", title, scope="col", class_=kind(column)) for column, title in enumerate(head)]
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell, class_=kind(column)) for column, cell in enumerate(row[1:], 1)),
        )
        for row in rows
    ]
    inside = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", element("tr", *titles)) if head else None,
        element("tbody", join(body, "\n")),
        class_=class_,
    )
    return scrolling(inside, f"table: {plain(caption)}")


def scrolling(content: Html, name: str) -> Html:
    """Return a box that scrolls sideways, by the keyboard too."""
    return Html(element("div", content, class_="wide", role="region", aria_label=name, tabindex=0) + "\n")


def folded(summary: object, *content: object, open: bool = False, class_: str | None = None) -> Html:  # noqa: A002
    """Return content that opens below its summary."""
    return Html(element("details", element("summary", summary), *content, open=open, class_=class_) + "\n")


def note(*content: object) -> Html:
    """Return a remark that is not to be overlooked."""
    return Html(element("p", *content, class_="note") + "\n")


def plain(content: object) -> str:
    """Return the text of HTML without its elements."""
    return html.unescape(re.sub("<[^>]*>", "", safe(content)))


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage; a dash where there is none."""
    return NOTHING if share is None or math.isnan(share) else f"{100 * share:.{digits}f}\u00a0%"


def interval(estimate: Estimate) -> Html:
    """Return a figure with its bootstrap interval."""
    ends = f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"
    return join([percent(estimate.value), " ", element("span", ends, class_="interval")])


def count(number: int, noun: str, several: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"
