"""What a person sees of a run: a bar in a terminal or a notebook, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from recircle.terminal import SafeConsole
from recircle.training.notebook import NotebookLine

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def working(what: str, *, shown: bool) -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """Show a bar on standard error while the block runs.

    Args:
        what: is done, in words.
        shown: False shows nothing.

    Yields:
        The function to call with a line that stays, and the one to call with (done, total).
    """
    console = SafeConsole(stderr=True, quiet=not shown)
    line = NotebookLine() if shown and console.is_jupyter else None
    columns = TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not _is_live(console, shown)) as bar:
        task: TaskID | None = None

        def show(done: int, total: int) -> None:
            nonlocal task
            if line is not None:
                line.show(what, done, total)
                return
            task = bar.add_task(what, total=total) if task is None else task
            bar.update(task, completed=done)

        yield console.print, show


def _is_live(console: SafeConsole, shown: bool) -> bool:
    """Tell whether a bar can move in its place; rich would need widgets for that in a notebook."""
    return shown and console.is_terminal and not console.is_jupyter


class Display:
    """Shows steps and messages on standard error, or in the notebook.

    Args:
        total: optimiser steps of the whole run.
        done: those done already.
        shown: False shows nothing.
    """

    def __init__(self, total: int, *, done: int = 0, shown: bool = True) -> None:
        self._console = SafeConsole(stderr=True, quiet=not shown)
        self._total = total
        self._line_due = 0.0
        self._line = NotebookLine() if shown and self._console.is_jupyter else None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not _is_live(self._console, shown),
        )
        self._task = self._bar.add_task("", total=total, completed=done)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def step(self, line: dict[str, Any]) -> None:
        """Show one `train` line of metrics.jsonl; without a terminal, one every ten seconds."""
        text = (
            f"epoch {line['epoch']}  loss {line['loss']:.4f}  lr {line['lr']:.3g}  "
            f"{line['clips_per_s']:.1f} clips/s  waiting {line['wait']:.0%}"
        )
        self._bar.update(self._task, completed=line["step"], description=text)
        if self._line is not None:
            self._line.show(text, line["step"], self._total)
            return
        now = time.monotonic()
        if self._bar.disable and (now >= self._line_due or line["step"] == self._total):
            self._line_due = now + SECONDS_BETWEEN_LINES
            self.say(f"step {line['step']}/{self._total}  {text}")

    def evaluating(self, done: int, total: int) -> None:
        """Show how far an evaluation is."""
        self._bar.update(self._task, description=f"evaluating {done}/{total} clips")

    def shorten(self, total: int) -> None:
        """Let the whole run have fewer steps."""
        self._total = total
        self._bar.update(self._task, total=total)

    def say(self, text: str) -> None:
        """Show a line that stays."""
        self._console.print(text)
