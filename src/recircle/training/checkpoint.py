"""Training states on disk: whole or not there, the last few kept, unreadable ones passed over."""

import io
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from recircle import __version__
from recircle.errors import UserError
from recircle.files import WriteError, atomic_write, remedy, system_error, writing
from recircle.models.weight_files import read_torch
from recircle.run import Run
from recircle.written_by import FIELD, upgrade_needed

_FORMAT = "recircle training state, 1"
_NAME = re.compile(r"step-(\d{8,})\.pt")


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a run: files `step-00000120.pt` in one folder, named by the optimiser steps done.

    Attributes:
        folder: made with the first one.
        keep: how many of the latest stay.
    """

    folder: Path
    keep: int = 2

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write the state after `step` steps, then delete the oldest ones beyond `keep`.

        A crash at any moment leaves the earlier checkpoints and either all of this one or nothing.

        Args:
            step: optimiser steps done.
            state: tensors, numbers, strings, and lists and dicts of them; what `torch.load(weights_only=True)` can
                read.

        Raises:
            WriteError: the file cannot be written; the earlier ones are untouched.
        """
        # through memory, since torch reports a full disk as an internal error of its zip writer
        buffer = io.BytesIO()
        torch.save({"format": _FORMAT, FIELD: __version__, "step": step, **state}, buffer)
        path = self.folder / f"step-{step:08d}.pt"
        with writing(path):
            # not with its parents: a run's folder that was taken away is an error, not made anew
            self.folder.mkdir(exist_ok=True)
            atomic_write(path, lambda temporary: temporary.write_bytes(buffer.getbuffer()))
            # also what a process that was killed while it wrote has left, on whatever machine
            for old in (*self.paths()[: -self.keep], *self.folder.glob(".*.part")):
                old.unlink(missing_ok=True)
        return path

    def latest(self) -> dict[str, Any] | None:
        """Return the newest state that can be read, with its tensors on the CPU; None if none was ever written.

        A truncated or foreign file is passed over with a warning.

        Raises:
            UserError: there are checkpoints, and none of them can be read; or a newer version of this package wrote
                one.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                state = read_torch(path)
            except UserError as error:
                reason = str(error).removeprefix(f"{path} ")
            else:
                if isinstance(state, dict) and state.get("format") == _FORMAT:
                    return state
                version = state.get(FIELD) if isinstance(state, dict) else None
                if (needed := upgrade_needed(path, version)) is not None:
                    raise UserError(needed)
                reason = "it is not a training state of this version"
            warnings.warn(f"{path} is passed over: {reason}", stacklevel=2)
        if paths:
            raise UserError(f"no checkpoint in {self.folder} can be read; start again with another output")
        return None

    def paths(self) -> list[Path]:
        """Return the checkpoint files, oldest first."""
        named = [(int(match[1]), path) for path in self.folder.glob("*.pt") if (match := _NAME.fullmatch(path.name))]
        return [path for _, path in sorted(named)]


def standing(run: Run) -> str:
    """Return in words what of an unfinished run is safe, and how to go on."""
    resume = f"go on with `recircle train --resume {run.path}`"
    written = Checkpoints(run.checkpoints_path).paths()
    if written:
        step = int(written[-1].stem.partition("-")[2])
        return f"the checkpoint after step {step} is intact: {resume}"
    return f"no checkpoint has been written yet: {resume}, which begins at the first step"


@contextmanager
def disk_explained(run: Run) -> Iterator[None]:
    """Add to what a disk refuses during training what is safe, and how to go on.

    Raises:
        WriteError: instead of any error that the system has made: a full disk, a missing permission or file handle.
    """
    try:
        yield
    except UserError as error:
        if not isinstance(error, WriteError) or not run.config_path.is_file():
            raise
        raise WriteError(f"{error}; {standing(run)}") from error
    except Exception as error:
        number = system_error(error)
        if number is None:
            raise
        name = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
        problem = f"training cannot go on: {os.strerror(number)}{name}; {remedy(number)}"
        raise WriteError(f"{problem}; {standing(run)}") from error
