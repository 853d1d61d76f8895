"""Where the commands write: results to standard output, errors and progress to standard error."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text


class _Console(Console):
    """A console that leaves it to `main` what happens when the reader of the output has gone."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


# rich looks up sys.stdout at each print, so redirection works; lines are left for the terminal to wrap
out = _Console(highlight=False, soft_wrap=True)
_wide = _Console(highlight=False, width=10_000)
err = _Console(stderr=True, highlight=False, soft_wrap=True)


def error(message: str) -> None:
    """Print one error, red where there is colour."""
    err.print(f"error: {message}", style="red", markup=False)


def warning(message: str) -> None:
    """Print one warning, yellow where there is colour."""
    err.print(f"warning: {message}", style="yellow", markup=False)


def plain(text: object) -> Text:
    """Return text for a cell of a table, in which brackets are just brackets."""
    return Text(str(text))


def print_table(table: Table) -> None:
    """Print a table; where no terminal has a width, each row stays on one line, so that it can be searched."""
    console = out if out.is_terminal else _wide
    console.print(table, soft_wrap=False)


def print_json(value: Any) -> None:
    """Print one JSON value on one line, untouched by the terminal's width."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error while the block runs; yields the function to call with (done, total)."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield show
