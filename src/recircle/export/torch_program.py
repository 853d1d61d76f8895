"""Networks as files of `torch.export`, which PyTorch alone can run."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from recircle.export.online import StepFunction
from recircle.export.parity import Logits

SUFFIX: str = ".pt2"
WORK: str = "translating"
FIXED: bool = False


def require() -> None:
    """Do nothing: PyTorch has all that is needed."""


def write(
    program: torch.export.ExportedProgram,
    metadata: dict[str, str],
    path: Path,
    state: Sequence[str] = (),  # noqa: ARG001  (tensors are known by their places here)
) -> None:
    """Write a captured network, with texts by their names."""
    # a file object, since torch insists on the suffix of a path
    with path.open("w+b") as file:
        torch.export.save(program, file, extra_files=dict(metadata))


def read_texts(path: Path) -> dict[str, str]:
    """Return the texts in a file by their names; a file of another program says nothing."""
    with zipfile.ZipFile(path) as archive:
        names = {name: name.partition("/extra/")[2] for name in archive.namelist() if "/extra/" in name}
        return {text: archive.read(name).decode() for name, text in names.items()}


def load(path: Path) -> Logits:
    """Return the network in a file as a function: uint8 frames [B, T, 3, H, W] to logits [B, K]."""
    with path.open("rb") as file:
        module = torch.export.load(file).module()

    def run(frames: Tensor) -> Tensor:
        with torch.inference_mode():
            return module(frames)

    return run


def load_step(path: Path) -> StepFunction:
    """Return a network that runs frame by frame."""
    with path.open("rb") as file:
        module = torch.export.load(file).module()

    def step(*values: Tensor) -> tuple[Tensor, ...]:
        with torch.inference_mode():
            return tuple(module(*values))

    return step
