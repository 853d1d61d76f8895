"""Training states on disk: whole or not there, the last few kept, unreadable ones passed over."""

import errno
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch

from recircle.errors import UserError
from recircle.models.weight_files import read_torch
from recircle.run import atomic_write

_FORMAT = "recircle training state, 1"
_NAME = re.compile(r"step-(\d{8,})\.pt")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
            OSError: the file cannot be written; the earlier ones are untouched.
        """
        # through memory, since torch reports a full disk as an internal error of its zip writer
        buffer = io.BytesIO()
        torch.save({"format": _FORMAT, "step": step, **state}, buffer)
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"step-{step:08d}.pt"
        atomic_write(path, lambda temporary: temporary.write_bytes(buffer.getbuffer()))
        # also what a process that was killed while it wrote has left
        for old in (*self.paths()[: -self.keep], *self.folder.glob(".*.part")):
            old.unlink(missing_ok=True)
        return path

    def latest(self) -> dict[str, Any] | None:
        """Return the newest state that can be read, with its tensors on the CPU; None if none was ever written.

        A truncated or foreign file is passed over with a warning.

        Raises:
            UserError: there are checkpoints, and none of them can be read.
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
                reason = "it is not a training state of this version"
            warnings.warn(f"{path} is passed over: {reason}", stacklevel=2)
        if paths:
            raise UserError(f"no checkpoint in {self.folder} can be read; start again with another output")
        return None

    def paths(self) -> list[Path]:
        """Return the checkpoint files, oldest first."""
        named = [(int(match[1]), path) for path in self.folder.glob("*.pt") if (match := _NAME.fullmatch(path.name))]
        return [path for _, path in sorted(named)]


@contextmanager
def full_disk_explained(folder: Path) -> Iterator[None]:
    """Turn the errors of a full disk into a UserError that says how to go on."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        raise _disk_full(folder) from error
    except safetensors.SafetensorError as error:
        if "No space left" not in str(error):
            raise
        raise _disk_full(folder) from error


def _disk_full(folder: Path) -> UserError:
    return UserError(
        f"the disk that holds {folder} is full; the checkpoints written before are intact: "
        f"free some space and go on with `recircle train --resume {folder}`"
    )
