"""Read the pickles of Caffe2, {"blobs": {name: array}}, running none of the code that a pickle may name."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recircle.errors import UserError
from recircle.models.plain_pickle import PickledArray, PickleError, read_pickle


def read_caffe2(path: Path) -> dict[str, Tensor]:
    """Read the blobs of a Caffe2 pickle, as written by Python 2 for Non-local's networks and PySlowFast's model zoo.

    Memory stays within a small factor of the file's size, whatever the file claims.

    Args:
        path: the file.

    Returns:
        Tensors by blob name, such as `res2_0_branch2a_w`, with their dtypes; plain numbers become tensors of one value.

    Raises:
        UserError: there is no such file, it holds other things than numbers, text and plain containers, or no blobs.
    """
    if not path.is_file():
        raise UserError(f"there is no weight file {path}")
    try:
        content = read_pickle(path.read_bytes())
    except PickleError as error:
        raise UserError(f"{path} is not a Caffe2 file that can be read safely: it {error}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    blobs = content.get("blobs") if isinstance(content, dict) else None
    if not isinstance(blobs, dict) or not blobs:
        raise UserError(f"{path} holds no Caffe2 blobs (a dict of them under the key 'blobs')")
    # an array of several names is one tensor, so that a file cannot multiply it
    tensors: dict[int, Tensor] = {}
    named: dict[str, Tensor] = {}
    for name, value in blobs.items():
        if id(value) not in tensors:
            tensors[id(value)] = _tensor(value, str(name), path)
        named[str(name)] = tensors[id(value)]
    return named


def _tensor(value: Any, name: str, path: Path) -> Tensor:
    array = value.numbers if isinstance(value, PickledArray) else None
    if isinstance(value, (bool, int, float)):
        array = np.asarray(value)
    if array is None or array.dtype.kind not in "biuf":
        raise UserError(f"{path} holds the blob {name}, which is not an array of numbers; it is not a weight file")
    try:
        # a copy in the byte order of this machine, which is writable too
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C", copy=True))
    except TypeError:
        raise UserError(f"{path} holds the blob {name} of type {array.dtype}, which no tensor can have") from None
