"""OpenVINO as the engine."""

import threading
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recircle.engines.engine import Precision
from recircle.errors import UserError
from recircle.export.facts import Shape
from recircle.export.parity import Logits


def require() -> None:
    """Insist that OpenVINO is there.

    Raises:
        UserError: it is not; the message says how to get it.
    """
    try:
        import openvino  # noqa: F401
    except ImportError as error:
        raise UserError(f'the engine openvino does not load ({error}): pip install "recircle[openvino]"') from None


def load(path: Path, threads: int, precision: Precision, shape: Shape) -> tuple[Logits, Precision]:
    """Return the network in an ONNX file as a function that any number of threads may call, and what it computes in.

    Args:
        path: the file.
        threads: that compute.
        precision: bf16, or what the file has: fp32 or int8.
        shape: of what it gets; what is known beforehand is planned for.
    """
    import openvino

    core: Any = openvino.Core()
    model = core.read_model(path)
    model.reshape({"frames": [shape.clips or -1, shape.frames or -1, 3, *shape.size]})
    hints = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(model, "CPU", hints)
    if precision == "bf16" and compiled.get_property("INFERENCE_PRECISION_HINT").to_string() != "bf16":
        warnings.warn("this processor has no bf16: OpenVINO computes in fp32 in its place", stacklevel=4)
        precision = "fp32"
    # a request belongs to one thread
    own = threading.local()

    def run(frames: Tensor) -> Tensor:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        results = own.request.infer({"frames": frames.numpy()})
        # a copy, since the next call writes there
        return torch.from_numpy(results[0].copy()).float()

    return run, precision
