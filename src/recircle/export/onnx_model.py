"""Networks as ONNX files, which ONNX Runtime and others can run."""

import importlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from recircle.errors import UserError
from recircle.export.online import NEXT, STATE, StepFunction
from recircle.export.parity import Logits

if TYPE_CHECKING:
    from onnxscript import ir

SUFFIX: str = ".onnx"
WORK: str = "translating"
FIXED: bool = False

_UNLIMITED = 1 << 40
"""Bytes."""


def require() -> None:
    """Insist that the packages for ONNX are there.

    Raises:
        UserError: one is missing; the message says how to get it.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise UserError(
                f'an ONNX file needs the package {name}, which does not load ({error}): pip install "recircle[export]"'
            ) from None


def write(
    program: torch.export.ExportedProgram, metadata: dict[str, str], path: Path, state: Sequence[str] = ()
) -> None:
    """Translate a captured network to ONNX and write it into one file, with texts by their names.

    Args:
        program: the network.
        metadata: the texts.
        path: the file.
        state: names of the tensors that it takes behind its frames, as `state.NAME`, and returns, as `next.NAME`.
    """
    from onnxscript import ir

    shapes: dict[str, Any] = {"frames": {0: "B"}, "state": tuple({0: "B"} for _ in state)}
    if not state:
        (frames,) = (n for n in program.graph.nodes if n.name in program.graph_signature.user_inputs)
        known = [isinstance(size, int) for size in frames.meta["val"].shape]
        shapes = {"frames": {dim: name for dim, name in enumerate("BT") if not known[dim]}}

    with _quiet():
        translated = torch.onnx.export(
            program,
            dynamo=True,
            input_names=["frames", *(f"{STATE}{name}" for name in state)],
            output_names=["logits", *(f"{NEXT}{name}" for name in state)],
            # for the names of the dimensions
            dynamic_shapes=shapes,
            # its cost grows with the square of the graph; ONNX Runtime does the same when it loads a file
            optimize=False,
            verbose=False,
        )
        assert translated is not None
        _tidy(translated.model)
    translated.model.metadata_props.update(metadata)
    ir.save(translated.model, path)


def _tidy(model: "ir.Model") -> None:
    """Compute what does not depend on the frames, and leave out what the exporter noted on each node, such as paths."""
    from onnxscript import optimizer
    from onnxscript.ir.passes import common

    optimizer.inline(model)
    for node in model.graph:
        bias = node.inputs[2] if node.op_type == "Conv" and len(node.inputs) == 3 else None
        made_by = None if bias is None else bias.producer()
        if made_by is not None and made_by.op_type == "Expand":
            # zeros where there is no bias, for convolutions in three dimensions in a shape that ONNX Runtime refuses
            node.resize_inputs(2)
    common.CommonSubexpressionEliminationPass()(model)
    # the weights of steps too, which a quantiser must find as constants
    optimizer.fold_constants(model, input_size_limit=_UNLIMITED, output_size_limit=_UNLIMITED)
    optimizer.remove_unused_nodes(model)
    common.CommonSubexpressionEliminationPass()(model)
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    common.ClearMetadataAndDocStringPass()(model)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter where it speaks of itself."""
    logger = logging.getLogger("onnxscript.optimizer")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # torch copies a class of its own that it calls deprecated
            warnings.filterwarnings("ignore", r".*LeafSpec.* is deprecated", FutureWarning)
            # all tensors of a state have the B of the frames
            warnings.filterwarnings("ignore", r".*The axis name: B will not be used", UserWarning)
            yield
    finally:
        logger.setLevel(level)


def read_texts(path: Path) -> dict[str, str]:
    """Return the texts in a file by their names."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # the network is not run
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return dict(session.get_modelmeta().custom_metadata_map)


def load(path: Path) -> Logits:
    """Return the network in a file as a function: uint8 frames [B, T, 3, H, W] to logits [B, K], on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(frames: Tensor) -> Tensor:
        (logits,) = session.run(["logits"], {"frames": frames.numpy()})
        return torch.from_numpy(logits)

    return run


def load_step(path: Path) -> StepFunction:
    """Return a network that runs frame by frame, on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]

    def step(*values: Tensor) -> tuple[Tensor, ...]:
        given = {name: value.numpy() for name, value in zip(names, values, strict=True)}
        return tuple(torch.from_numpy(value) for value in session.run(None, given))

    return step
