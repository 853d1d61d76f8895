"""The tables of a study's page, and the marked places in the page that hold them."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from recircle import UserError
from recircle.files import atomic_write
from studies.summary import Difference, Row

Column = Literal["repetitions", "top1", "inside", "gmacs", "params", "minutes"]

COLUMNS: tuple[Column, ...] = ("repetitions", "top1", "inside", "gmacs", "params", "minutes")
"""All columns, in their usual order."""

_CELLS: Mapping[Column, tuple[str, Callable[[Row], str]]] = MappingProxyType(
    {
        "repetitions": ("seeds", lambda row: str(row.repetitions)),
        "top1": ("top-1", lambda row: str(row.top1)),
        "inside": ("inside the family", lambda row: "" if row.inside is None else str(row.inside)),
        "gmacs": ("GMACs", lambda row: _significant(row.gmacs)),
        "params": ("M parameters", lambda row: _significant(row.params / 1e6)),
        "minutes": ("training, minutes", lambda row: f"{row.seconds / 60:.1f}"),
    }
)


def table(rows: Sequence[Row], columns: Sequence[Column] = COLUMNS, *, repetitions: str = "seeds") -> str:
    """Return a Markdown table, a line for each system.

    Args:
        rows: the systems.
        columns: which, beside the name; "inside" is left out where no system has such a figure.
        repetitions: what the repetitions are, the head of their column.
    """
    shown: list[Column] = [name for name in columns if name != "inside" or any(row.inside is not None for row in rows)]
    heads = ["system", *(repetitions if name == "repetitions" else _CELLS[name][0] for name in shown)]
    return markdown(heads, [[row.system, *(_CELLS[name][1](row) for name in shown)] for row in rows])


def differences_table(differences: Sequence[Difference], answer: Callable[[Difference], str] | None = None) -> str:
    """Return a Markdown table, a line for each comparison; the differences are in percentage points.

    Args:
        differences: the comparisons.
        answer: what each of them means, for a last column.
    """
    names = {"top1": "top-1", "inside": "inside the family"}
    heads = ["system", "against", "figure", "difference, points", "pairs", "p"]
    lines = [
        [one.system, one.against, names[one.figure], str(one), str(one.pairs), _p(one.p_value)] for one in differences
    ]
    if answer is not None:
        heads.append("answer")
        lines = [[*line, answer(one)] for line, one in zip(lines, differences)]
    return markdown(heads, lines)


def write_block(page: Path, name: str, text: str) -> None:
    """Replace what lies between `<!-- NAME -->` and `<!-- /NAME -->` in a page.

    Args:
        page: a Markdown file.
        name: of the markers.
        text: what is to lie between them; empty lines around it are added.

    Raises:
        UserError: the page is not there, or has not exactly one such pair of markers.
    """
    content = _read(page)
    start, end = _place(page, content, name)
    atomic_write(page, f"{content[:start]}\n\n{text.strip()}\n\n{content[end:]}")


def block(page: Path, name: str) -> str:
    """Return what lies between the markers, without empty lines around it.

    Raises:
        UserError: as `write_block`.
    """
    content = _read(page)
    start, end = _place(page, content, name)
    return content[start:end].strip()


def _read(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{page} cannot be read: {error.strerror or error}") from None


def _place(page: Path, content: str, name: str) -> tuple[int, int]:
    """Return where the text between the markers begins and ends."""
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    pairs = list(re.finditer(f"{re.escape(opening)}(.*?){re.escape(closing)}", content, re.DOTALL))
    if len(pairs) != 1 or content.count(opening) != 1 or content.count(closing) != 1:
        raise UserError(f"{page} needs {opening} and, below it, {closing}, each of them once")
    return pairs[0].span(1)


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, names on the left of their columns and figures on the right."""
    left = {"system", "against", "figure", "answer", "data", "kind"}
    rule = ["---" if head in left else "---:" for head in heads]
    cells = [heads, rule, *([cell.replace("|", "\\|") for cell in line] for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _significant(value: float) -> str:
    """Return three significant digits, without an exponent: "0.0521", "1.20", "44.3", "1234"."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.2e}")
    decimals = max(0, 2 - int(f"{rounded:e}".partition("e")[2]))
    return f"{rounded:.{decimals}f}"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
