"""Where the commands write: results to standard output, errors and progress to standard error."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from recircle.terminal import UNSEEN, SafeConsole, visible

# rich looks up sys.stdout at each print, so redirection works; lines are left for the terminal to wrap
out = SafeConsole()
_wide = SafeConsole(soft_wrap=False, width=10_000)
err = SafeConsole(stderr=True)
_UNSEEN = re.compile(f"[{UNSEEN}]")


def error(message: str) -> None:
    """Print one error, red where there is colour."""
    _print_message(f"error: {message}", "red")


def warning(message: str) -> None:
    """Print one warning, yellow where there is colour."""
    _print_message(f"warning: {message}", "yellow")


def _print_message(message: str, style: str) -> None:
    # lines of a list are set in by two blanks; any other line end is part of a name
    err.print(*re.split("\n(?=  )", message), sep="\n", style=style)


def plain(text: object) -> Text:
    """Return text for a cell of a table, in which brackets are just brackets."""
    return Text(visible(text))


def print_lines(text: str) -> None:
    """Print a text of several lines, which must be ours: in a name, a line end would forge a line."""
    out.print(*text.split("\n"), sep="\n")


def print_table(table: Table) -> None:
    """Print a table; where no terminal has a width, each row stays on one line, so that it can be searched."""
    console = out if out.is_terminal else _wide
    console.print(table, soft_wrap=False)


def print_json(value: Any) -> None:
    r"""Print one JSON value on one line, untouched by the terminal's width.

    What cannot be seen, or cannot be written in the encoding of the output, is spelt with JSON's own escapes: any
    reader of JSON gives it back. Bytes of a file name that are not UTF-8 become `\udc80` to `\udcff`, which
    `os.fsencode` turns into those bytes again.
    """
    text = _UNSEEN.sub(_escape, json.dumps(value, ensure_ascii=False))
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value)
    sys.stdout.write(text + "\n")


def _escape(found: re.Match[str]) -> str:
    """Return JSON's escapes of a character: one of each unit of UTF-16."""
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error while the block runs; yields the function to call with (done, total)."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield show
