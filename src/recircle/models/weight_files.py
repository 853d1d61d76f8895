"""Read the tensors of a weight file under the names it has, running none of the code that a pickle may hold."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from recircle.errors import UserError
from recircle.models.caffe2 import read_caffe2

OWN_SUFFIX = ".safetensors"
_CONTAINERS = ("state_dict", "model_state", "model")
"""Under what key files keep their state dict: the TSN family and mmaction2, PySlowFast and TimeSformer, RubiksNet."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a `.safetensors` file, a checkpoint of PyTorch, or a `.pkl` file of Caffe2.

    Returns:
        Tensors by name, without the prefix `module.` that `torch.nn.DataParallel` puts before all names.

    Raises:
        UserError: there is no such file, it cannot be read safely, or it holds other things than weights.
    """
    if not path.is_file():
        raise UserError(f"there is no weight file {path}")
    if path.suffix == ".pkl" and not zipfile.is_zipfile(path):
        return read_caffe2(path)
    content: Any
    try:
        if path.suffix == OWN_SUFFIX:
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (safetensors.SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{path} is no weight file that can be read safely: {reason}") from None
    if isinstance(content, dict):
        content = next((content[key] for key in _CONTAINERS if isinstance(content.get(key), dict)), content)
    tensors = isinstance(content, dict) and all(isinstance(value, Tensor) for value in content.values())
    if not tensors or not content:
        raise UserError(f"{path} holds no state dict (names and tensors)")
    state = {str(key): value for key, value in content.items()}
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state
