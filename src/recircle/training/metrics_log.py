"""metrics.jsonl: what happened in a run, one JSON object per line."""

import json
import math
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from recircle.config import parse_json, read_bytes
from recircle.errors import UserError
from recircle.evaluation.earlier import upgraded
from recircle.files import atomic_write, writing


class MetricsLog:
    """Appends to metrics.jsonl; each line is flushed, so a killed run has all it did.

    Lines have a `kind` and `step`, the optimiser steps done by then, and `epoch`, counted from 1:
    `train` (loss, lr, grad_norm, clips, clips_per_s, wait), `skipped` (no clip of the step could be decoded), `val`
    (top1, ..., provenance) and `end`.
    """

    def __init__(self, path: Path, *, active: bool = True) -> None:
        """Open the file; one that is not `active` (in all processes but the first) writes nothing.

        Raises:
            WriteError: it cannot be written; likewise when lines are written.
        """
        self._path = path
        with writing(path):
            self._file = path.open("a", encoding="utf-8") if active else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            with writing(self._path):
                self._file.close()

    def write(self, kind: str, *, step: int, epoch: int, **values: Any) -> dict[str, Any]:
        """Append a line and return it. A number that is not finite is written as null."""
        line = {"kind": kind, "step": step, "epoch": epoch, **values}
        if self._file:
            with writing(self._path):
                self._file.write(json.dumps({name: _finite(value) for name, value in line.items()}) + "\n")
                self._file.flush()
        return line

    def sync(self) -> None:
        """Force what was written to the disk."""
        if self._file:
            with writing(self._path):
                os.fsync(self._file.fileno())


def read_metrics_log(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a metrics.jsonl, of this version or an earlier one.

    A last line that a killed run left half written is dropped.

    Raises:
        UserError: it cannot be read, or another line is damaged.
    """
    if not path.exists():
        return []
    content = read_bytes(path)
    whole = content[: content.rfind(b"\n") + 1]
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(whole.splitlines(), 1):
        try:
            line = parse_json(text, path)
        except UserError:
            line = None
        if not isinstance(line, dict) or not {"kind", "step"} <= line.keys():
            raise UserError(f"{path}, line {number}: this is not a line that training wrote; remove it")
        lines.append(upgraded(line, tells_precision=False))
    return lines


def rewind_metrics_log(path: Path, step: int) -> None:
    """Drop what was written after `step` steps, and any mark of the end."""
    lines = [line for line in read_metrics_log(path) if line["step"] <= step and line["kind"] != "end"]
    atomic_write(path, "".join(json.dumps(line) + "\n" for line in lines))


def _finite(value: Any) -> Any:
    # JSON has no word for infinity, which the gradient of a skipped fp16 step may be
    return None if isinstance(value, float) and not math.isfinite(value) else value
