"""Networks as ExecuTorch files, for phones and small devices, with what XNNPACK can compute handed to it."""

import importlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recircle.errors import UserError
from recircle.export.online import StepFunction
from recircle.export.parity import Logits

SUFFIX: str = ".pte"
WORK: str = "lowering"
FIXED: bool = True

_TEXTS = "recircle_texts"
"""The method of a file that returns its texts, as JSON."""


def require() -> None:
    """Insist that the package is there.

    Raises:
        UserError: it is missing; the message says how to get it.
    """
    try:
        importlib.import_module("executorch.exir")
    except ImportError as error:
        raise UserError(
            f"a file for ExecuTorch needs the package executorch, which does not load ({error}): "
            'pip install "recircle[executorch]"'
        ) from None


def write(
    program: torch.export.ExportedProgram,
    metadata: dict[str, str],
    path: Path,
    state: Sequence[str] = (),  # noqa: ARG001  (tensors are known by their places here)
) -> None:
    """Lower a captured network and write it, with texts by their names."""
    partition: Any = importlib.import_module("executorch.backends.xnnpack.partition.xnnpack_partitioner")
    lower: Any = importlib.import_module("executorch.exir").to_edge_transform_and_lower
    with warnings.catch_warnings():
        # of what ExecuTorch itself does
        warnings.simplefilter("ignore")
        lowered = lower(
            program,
            partitioner=[partition.XnnpackPartitioner()],
            constant_methods={_TEXTS: json.dumps(metadata)},
        ).to_executorch()
    with path.open("wb") as file:
        lowered.write_to_file(file)


def read_texts(path: Path) -> dict[str, str]:
    """Return the texts in a file by their names; a file of another program says nothing."""
    file = _Program(path)
    return json.loads(file.program.load_method(_TEXTS).execute([])[0]) if _TEXTS in file.program.method_names else {}


def load(path: Path) -> Logits:
    """Return the network in a file as a function: uint8 frames [B, T, 3, H, W] to logits [B, K]."""
    network = _Program(path)
    return lambda frames: network(frames)[0]


def load_step(path: Path) -> StepFunction:
    """Return a network that runs frame by frame."""
    return _Program(path)


class _Program:
    """A file that was read, and what ExecuTorch makes of it, which does not copy what it was given."""

    def __init__(self, path: Path) -> None:
        runtime: Any = importlib.import_module("executorch.runtime").Runtime
        self._data = path.read_bytes()
        self.program = runtime.get().load_program(self._data)
        self._forward: Any = None

    def __call__(self, *values: Tensor) -> tuple[Tensor, ...]:
        self._forward = self._forward or self.program.load_method("forward")
        # copied, since the next call writes where the results of this one lie
        return tuple(value.clone() for value in self._forward.execute([value.contiguous() for value in values]))
