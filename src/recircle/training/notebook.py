"""Progress in a notebook: one line that is written anew in its place."""

import time
from html import escape
from typing import Any

SECONDS_BETWEEN_UPDATES = 0.25


class NotebookLine:
    """A bar with words. IPython alone is needed, and no widgets, which many notebooks cannot show."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._due = 0.0

    def show(self, text: str, done: int, total: int) -> None:
        """Write the line, if the last time is not too near; at the end in any case."""
        now = time.monotonic()
        if now < self._due and done < total:
            return
        self._due = now + SECONDS_BETWEEN_UPDATES
        from IPython.display import HTML, display  # pyright: ignore[reportMissingImports]  (a notebook has it)

        line = HTML(
            f'<progress value="{done}" max="{max(1, total)}" style="width:12em"></progress> '
            f"<span>{done}/{total} {escape(text)}</span>"
        )
        if self._handle is None:
            self._handle = display(line, display_id=True)
        else:
            self._handle.update(line)
