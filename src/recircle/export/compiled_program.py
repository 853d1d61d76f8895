"""Networks as files of machine code (AOTInductor), which PyTorch runs without compiling anything at its start."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from recircle.errors import UserError
from recircle.export.online import StepFunction
from recircle.export.parity import Logits
from recircle.torch_internals import compile_program, has_cpp_compiler, load_compiled_program

SUFFIX: str = ".aoti.pt2"
WORK: str = "compiling"
FIXED: bool = False


def require() -> None:
    """Insist that a C++ compiler is there.

    Raises:
        UserError: none is; the message says how to get it.
    """
    if not has_cpp_compiler():
        raise UserError(
            "a file of compiled code needs a C++ compiler, and none was found: install g++ or clang++, or name yours "
            "in the environment variable CXX; or use the format torch, whose files need none"
        )


def write(
    program: torch.export.ExportedProgram,
    metadata: dict[str, str],
    path: Path,
    state: Sequence[str] = (),  # noqa: ARG001  (tensors are known by their places here)
) -> None:
    """Compile a captured network for this kind of machine and write it, with texts by their names."""
    # a file object, since torch insists on the suffix of a path
    with path.open("w+b") as file:
        compile_program(program, file, metadata)


def read_texts(path: Path) -> dict[str, str]:
    """Return the texts in a file by their names."""
    with path.open("rb") as file:
        return dict(load_compiled_program(file).get_metadata())


def load(path: Path) -> Logits:
    """Return the network in a file as a function: uint8 frames [B, T, 3, H, W] to logits [B, K]."""
    with path.open("rb") as file:
        network = load_compiled_program(file)

    def run(frames: Tensor) -> Tensor:
        with torch.inference_mode():
            return network(frames)

    return run


def load_step(path: Path) -> StepFunction:
    """Return a network that runs frame by frame."""
    with path.open("rb") as file:
        network = load_compiled_program(file)

    def step(*values: Tensor) -> tuple[Tensor, ...]:
        with torch.inference_mode():
            return tuple(network(*values))

    return step
