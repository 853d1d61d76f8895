"""metrics.jsonl: what happened in a run, one JSON object a line."""

import json
import math
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from recircle.run import atomic_write


class Journal:
    """Appends to metrics.jsonl; each line is flushed, so a killed run has all it did.

    Lines have a `kind` and `step`, the optimiser steps done by then, and `epoch`, counted from 1:
    `train` (loss, lr, grad_norm, clips, clips_per_s, wait), `skipped` (no clip of the step could be decoded), `val`
    (top1, ..., protocol) and `end`.
    """

    def __init__(self, path: Path, *, active: bool = True) -> None:
        """Open the file; one that is not `active` (in all processes but the first) writes nothing."""
        self._file = path.open("a", encoding="utf-8") if active else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def write(self, kind: str, *, step: int, epoch: int, **values: Any) -> dict[str, Any]:
        """Append a line and return it. A number that is not finite is written as null."""
        line = {"kind": kind, "step": step, "epoch": epoch, **values}
        if self._file:
            self._file.write(json.dumps({name: _finite(value) for name, value in line.items()}) + "\n")
            self._file.flush()
        return line

    def sync(self) -> None:
        """Force what was written to the disk."""
        if self._file:
            os.fsync(self._file.fileno())


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a metrics.jsonl; a last line that a killed run left half written is dropped."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]


def rewind_journal(path: Path, step: int) -> None:
    """Drop what was written after `step` steps, and any mark of the end."""
    lines = [line for line in read_journal(path) if line["step"] <= step and line["kind"] != "end"]
    atomic_write(path, "".join(json.dumps(line) + "\n" for line in lines))


def _finite(value: Any) -> Any:
    # JSON has no word for infinity, which the gradient of a skipped fp16 step may be
    return None if isinstance(value, float) and not math.isfinite(value) else value
