"""Read the tensors of a weight file under the names it has, running none of the code that a pickle may hold."""

import math
import mmap
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

from recircle.errors import UserError
from recircle.models.caffe2 import read_caffe2
from recircle.models.checkpoint_pickle import check_archive_pickle, check_old_checkpoint
from recircle.models.plain_pickle import PickleError

OWN_SUFFIX = ".safetensors"
_ARCHIVE = b"PK\x03\x04"
_CONTAINERS = ("state_dict", "model_state", "model")
"""Under what key files keep their state dict: the TSN family and mmaction2, PySlowFast and TimeSformer, RubiksNet."""
_MOST_VIEWS = 4
"""How many times the bytes of a file its tensors may have together, where some share their numbers."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a `.safetensors` file, a checkpoint of PyTorch, or a `.pkl` file of Caffe2.

    Returns:
        Tensors by name, without the prefix `module.` that `torch.nn.DataParallel` puts before all names. All are dense
        arrays of real numbers that the file holds; none of the numbers is infinite or NaN.

    Raises:
        UserError: there is no such file, it cannot be read safely, or it holds other things than weights.
    """
    if not path.is_file():
        raise UserError(f"there is no weight file {path}")
    content: Any
    if path.suffix == ".pkl" and not zipfile.is_zipfile(path):
        content = read_caffe2(path)
    elif path.suffix == OWN_SUFFIX:
        content = read_safetensors(path)
    else:
        content = read_torch(path)
    if isinstance(content, dict):
        content = next((content[key] for key in _CONTAINERS if isinstance(content.get(key), dict)), content)
    tensors = isinstance(content, dict) and all(isinstance(value, Tensor) for value in content.values())
    if not tensors or not content:
        raise UserError(f"{path} holds no state dict (names and tensors)")
    state = {str(key): value for key, value in content.items()}
    broken = not_finite(state)
    if broken:
        raise UserError(f"{path} holds numbers that are infinite or NaN, in {first_of(broken)}, so it cannot be used")
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a `.safetensors` file, by their names in order.

    Raises:
        UserError: it cannot be read, is damaged, or holds other than real numbers.
    """
    try:
        # as bytes, since safetensors opens no file whose name is not UTF-8
        content = dict(sorted(load(path.read_bytes()).items()))
    except Exception as error:  # a type of numbers that PyTorch does not know ends in any
        raise UserError(f"{path} is not a safetensors file that can be read safely: {_reason(error)}") from None
    _check(content, path)
    return content


def read_torch(path: Path) -> Any:
    """Return what `torch.save` wrote: tensors, on the CPU, numbers, text, and lists and dicts of them.

    A file that unpacks to more than it is, or whose tensors are not dense numbers of its own, is refused: memory stays
    within a small factor of the file's size.

    Raises:
        UserError: so, or it cannot be read, or wants code to be run.
    """
    try:
        # opened here, since PyTorch opens no file whose name is not UTF-8
        with path.open("rb") as file:
            # as PyTorch tells them apart
            if file.read(len(_ARCHIVE)) == _ARCHIVE:
                _check_archive(zipfile.ZipFile(file), path)
            else:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    check_old_checkpoint(content, len(content))
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except PickleError as error:
        raise UserError(f"{path} is not a weight file that can be read safely: it {error}") from None
    except Exception as error:  # bytes that are not a checkpoint may raise anything
        raise UserError(f"{path} is not a weight file that can be read safely: {_reason(error)}") from None
    _check(dict(_tensors(content)), path)
    return content


def _check_archive(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise UserError(f"{path} holds {entry.filename} compressed, which PyTorch never writes; save it again")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise UserError(f"{path} holds the same bytes several times over, which PyTorch never writes; save it again")
    stored = {Path(entry.filename).name: entry.file_size for entry in entries if "/data/" in entry.filename}
    for entry in entries:
        # PyTorch finds it in capitals too
        if entry.filename.lower().endswith("data.pkl"):
            check_archive_pickle(archive.read(entry), stored)


def _tensors(content: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors inside dicts and lists, once for each place, without recursion."""
    waiting: list[tuple[str, Any]] = [("", content)]
    seen: set[int] = set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(f"{name}.{key}" if name else str(key), inside) for key, inside in pairs]


def _check(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Insist on dense tensors of real numbers that the file really holds."""
    total = 0
    for name, value in tensors.items():
        kind = (
            f"in the layout {value.layout}"
            if value.layout != torch.strided
            else f"on the device {value.device}"
            if value.device.type != "cpu"
            else "quantized"
            if value.is_quantized
            else f"of {value.dtype}"
            if value.is_complex()
            else None
        )
        if kind is not None:
            raise UserError(f"{path} holds the tensor {name} {kind}, which is not a dense array of real numbers")
        size = math.prod(value.shape) * value.element_size()
        if size > value.untyped_storage().nbytes():
            raise UserError(
                f"{path} holds the tensor {name} of shape {list(value.shape)[:8]}, which repeats the "
                f"{value.untyped_storage().nbytes()} bytes that are there; save it with `.contiguous()`"
            )
        total += size
    if total > _MOST_VIEWS * path.stat().st_size:
        raise UserError(f"{path} holds tensors of {total} bytes in all, far more than the file; save it with copies")


def not_finite(state: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the tensors that hold an infinity or NaN."""
    return [name for name, value in state.items() if value.is_floating_point() and not _is_finite(value)]


def first_of(names: list[str]) -> str:
    """Return the first of some names, and how many others there are."""
    return names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} more)"


def _is_finite(value: Tensor) -> bool:
    # the short types of 8 bits have no such test of their own
    return bool(torch.isfinite(value if value.element_size() > 1 else value.float()).all())


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
