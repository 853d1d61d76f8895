"""The kinds of files that there are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import torch

from recircle.export import compiled_program, edge_program, onnx_model, torch_program
from recircle.export.online import StepFunction
from recircle.export.parity import Logits

Format = Literal["onnx", "torch", "aoti", "executorch"]


class FileFormat(Protocol):
    """A module that writes and reads files of one kind.

    Attributes:
        SUFFIX: of their names.
        WORK: what writing one is, in a word.
        FIXED: whether it takes whole clips alone, of one number of clips and frames.
    """

    SUFFIX: str
    WORK: str
    FIXED: bool

    def require(self) -> None:
        """Insist that what writing needs is there."""
        ...

    def write(
        self, program: torch.export.ExportedProgram, metadata: dict[str, str], path: Path, state: Sequence[str] = ()
    ) -> None:
        """Write a captured network, with texts by their names."""
        ...

    def read_texts(self, path: Path) -> dict[str, str]:
        """Return those texts."""
        ...

    def load(self, path: Path) -> Logits:
        """Return the network as a function."""
        ...

    def load_step(self, path: Path) -> StepFunction:
        """Return a network that runs frame by frame."""
        ...


FORMATS: dict[Format, FileFormat] = {
    "onnx": onnx_model,
    "torch": torch_program,
    "aoti": compiled_program,
    "executorch": edge_program,
}
