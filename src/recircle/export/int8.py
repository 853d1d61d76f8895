"""ONNX files in int8: weights and activations as whole numbers, whose ranges come from real clips."""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from recircle.errors import UserError

FLAT: float = 1 / 512
"""Slope below which values that are as large as the positive ones are rounded to zero in 8 bits."""


def require() -> None:
    """Insist that ONNX Runtime's quantiser is there.

    Raises:
        UserError: it is not; the message says how to get it.
    """
    try:
        import onnxruntime.quantization  # noqa: F401
    except ImportError as error:
        raise UserError(
            f'int8 needs the quantiser of onnxruntime, which does not load ({error}): pip install "recircle[export]"'
        ) from None


def quantise(
    source: Path, target: Path, clips: Sequence[UInt8[np.ndarray, "B T 3 H W"]], texts: dict[str, str]
) -> None:
    """Write an ONNX file again in int8: static, with a scale for each output channel of each weight.

    Activations are unsigned and asymmetric, weights signed and symmetric, which x86 processors multiply fastest. Those
    without VNNI instructions may saturate.

    Args:
        source: a file of this package, in fp32.
        target: the file to write.
        clips: whose activations give the ranges.
        texts: of the file to write.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Clips(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(clips)

        def get_next(self) -> Any:
            clip = next(self.rest, None)
            return None if clip is None else {"frames": clip}

    with tempfile.TemporaryDirectory(prefix="recircle-") as folder, _quiet():
        ready, written = Path(folder, "ready.onnx"), Path(folder, "int8.onnx")
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        graph = onnx.load(ready)
        _cut_flat_slopes(graph.graph.node)
        onnx.save(graph, ready)
        quantize_static(
            str(ready),
            str(written),
            Clips(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        model = onnx.load(written)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, texts)
    onnx.save(model, target)


def _cut_flat_slopes(nodes: Iterable[Any]) -> None:
    """Replace leaky ReLUs by ReLUs where 256 steps cannot show the slope; a ReLU becomes part of what is before it."""
    for node in nodes:
        if node.op_type != "LeakyRelu":
            continue
        (slope,) = (attribute.f for attribute in node.attribute if attribute.name == "alpha")
        if slope <= FLAT:
            node.op_type = "Relu"
            del node.attribute[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantiser where it advises what has been done."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
