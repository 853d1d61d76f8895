"""Read the pickles of Caffe2, {"blobs": {name: array}}, running none of the code that a pickle may name."""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recircle.errors import UserError


def read_caffe2(path: Path) -> dict[str, Tensor]:
    """Read the blobs of a Caffe2 pickle, as written by Python 2 for Non-local's networks and PySlowFast's model zoo.

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
        content = _Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except Exception as error:  # bytes that are no pickle may raise anything
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(f"{path} is no Caffe2 file that can be read safely: {reason}") from None
    blobs = content.get("blobs") if isinstance(content, dict) else None
    if not isinstance(blobs, dict) or not blobs:
        raise UserError(f"{path} holds no Caffe2 blobs (a dict of them under the key 'blobs')")
    return {str(name): _tensor(value, str(name), path) for name, value in blobs.items()}


def _tensor(value: Any, name: str, path: Path) -> Tensor:
    array = np.asarray(value) if isinstance(value, (np.ndarray, np.generic, bool, int, float)) else None
    if array is None or array.dtype.kind not in "biuf":
        raise UserError(f"{path} holds the blob {name}, which is no array of numbers, so it is no file of weights")
    # a copy in the byte order of this machine, which is writable too
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C", copy=True))


def _encode(text: str, encoding: str) -> bytes:
    """Give back the bytes that Python 3 spells as text where it writes the protocols of Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError(f"it encodes text as {encoding}")
    return text.encode("latin1")


def _dtype(name: str, align: Any = False, copy: Any = False) -> "np.dtype[Any]":
    """Make a dtype; Python 2 wrote truth values as numbers, which NumPy comes to take for something else."""
    return np.dtype(name, bool(align), bool(copy))


_reconstruct: Callable[..., Any] = np.empty(0).__reduce__()[0]  # pyright: ignore[reportAssignmentType]
_scalar: Callable[..., Any] = np.float64(0).__reduce__()[0]  # pyright: ignore[reportAssignmentType]

_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode,
    # the module has another name from NumPy 2 on, whichever version reads the file
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
}
"""All that a pickle may name."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it wants {module_name}.{global_name}, which is no array of numbers")
        return _ADMITTED[module_name, global_name]
