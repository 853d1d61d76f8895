"""ONNX Runtime as the engine."""

from pathlib import Path

import torch
from torch import Tensor

from recircle.errors import UserError
from recircle.export.parity import Logits


def require() -> None:
    """Insist that ONNX Runtime is there.

    Raises:
        UserError: it is not; the message says how to get it.
    """
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UserError(f'the engine onnxruntime does not load ({error}): pip install "recircle[export]"') from None


def load(path: Path, threads: int) -> Logits:
    """Return the network in an ONNX file as a function; any number of threads may call it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(frames: Tensor) -> Tensor:
        (logits,) = session.run(["logits"], {"frames": frames.numpy()})
        return torch.from_numpy(logits)

    return run
