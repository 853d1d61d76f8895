"""What an engine is, and which there are."""

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from recircle.errors import UserError

EngineName = Literal["torch", "onnxruntime", "openvino", "aoti"]
TorchPrecision = Literal["fp32", "bf16", "fp16"]
Precision = Literal["fp32", "bf16", "fp16", "int8"]

PRECISIONS: dict[EngineName, tuple[Precision, ...]] = {
    "torch": ("fp32", "bf16", "fp16"),
    "onnxruntime": ("fp32", "int8"),
    "openvino": ("fp32", "bf16", "int8"),
    "aoti": ("fp32",),
}
"""What each engine computes in."""

FRAMES_AT_ONCE = 128
"""Frames that pass the network together, which bounds its memory whatever the number of views."""


class Engine(Protocol):
    """What turns the views of clips into logits."""

    @property
    def name(self) -> EngineName:
        """Which engine it is."""
        ...

    @property
    def precision(self) -> Precision:
        """What it computes in."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    @property
    def classes(self) -> int:
        """K."""
        ...

    def __call__(self, frames: UInt8[Tensor, "B V T 3 H W"]) -> Float[Tensor, "B V K"]:
        """Return float32 logits of each view, of its own: as if each clip were alone, up to rounding."""
        ...


def check_engine(name: str, precision: str) -> None:
    """Insist on an engine that there is, and on what it computes in.

    Raises:
        UserError: there is none of that name, or it does not compute so.
    """
    if name not in get_args(EngineName):
        raise UserError(f"there is no engine {name!r}; there are {', '.join(get_args(EngineName))}")
    known = next(precisions for engine, precisions in PRECISIONS.items() if engine == name)
    if precision not in known:
        others = [engine for engine, precisions in PRECISIONS.items() if precision in precisions]
        also = f"; {precision} is for {_one_of(others)}" if others else ""
        raise UserError(f"the engine {name} computes in {_one_of(known)}, and not in {precision}{also}")


def _one_of(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
