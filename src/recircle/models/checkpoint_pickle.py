"""What reading a checkpoint of PyTorch would take, found out from its pickles before PyTorch reads it.

PyTorch's safe reader runs no foreign code, but allocates what a file claims: a `bytearray` of any length, copies of one
list without end, storages that hold nothing of the file. Here its pickles are followed with the sizes of the values in
place of the values.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from recircle.models.plain_pickle import PickleError, operations

_FREE_PARTS, _BYTES_PER_PART = 10_000, 2
"""A pickle may have so many parts, and one more for each so many of its bytes."""
_TENSORS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
_CALLS = frozenset(
    {
        *(f"torch._utils {name}" for name in _TENSORS),
        *("torch._utils _rebuild_parameter", "torch._utils _rebuild_parameter_with_state"),
        *("torch.nn.parameter Parameter", "torch._tensor _rebuild_from_type_v2"),
        *("torch Size", "torch device", "torch.serialization _get_layout"),
        *("collections OrderedDict", "collections Counter", "builtins set", "__builtin__ set"),
        *("_codecs encode", "builtins complex", "__builtin__ complex"),
    }
)
"""What makes dense tensors of numbers that the file holds, and plain values."""
_ITEM_SIZES = {
    **dict.fromkeys(("DoubleStorage", "LongStorage"), 8),
    **dict.fromkeys(("FloatStorage", "IntStorage"), 4),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    **dict.fromkeys(("CharStorage", "ByteStorage", "BoolStorage", "UntypedStorage"), 1),
}
"""Bytes of a number, by the storages of real numbers; untyped ones hold types that are newer than their names."""
_HASHING = ("collections OrderedDict", "collections Counter", "builtins set", "__builtin__ set")
_SHOWN, _DIMENSIONS = 100, 8


class _File(Protocol):
    def read(self, count: int = ..., /) -> bytes: ...
    def readline(self) -> bytes: ...
    def tell(self) -> int: ...


@dataclass(slots=True, eq=False)
class _Value:
    """A value of which little is known: how many parts a copy of it has, and its content where that matters."""

    size: int = 1
    content: Any = None


@dataclass(frozen=True, slots=True)
class _Name:
    words: str


@dataclass(frozen=True, slots=True)
class _Storage:
    count: int


_MARK = _Value()


def check_archive_pickle(content: bytes, stored: Mapping[str, int]) -> None:
    """Follow the pickle of a checkpoint that is a zip archive.

    Args:
        content: of its data.pkl.
        stored: the bytes of each storage in the archive, by its key.

    Raises:
        PickleError: reading it would take more than it holds, or make other things than dense tensors of its numbers.
    """
    _Reader(io.BytesIO(content), len(content), stored.get).read()


def check_old_checkpoint(file: _File, size: int) -> None:
    """Follow the pickles of a checkpoint in PyTorch's format before 1.6, which is not an archive.

    Args:
        file: at its beginning.
        size: of the file.

    Raises:
        PickleError: as for `check_archive_pickle`, or the file is too short for the storages that it claims.
    """
    for _ in ("magic number", "version", "system"):
        _Reader(file, size, lambda _: 0).read()
    tensors = _Reader(file, size, lambda _: size)
    tensors.read()
    keys = _Reader(file, size, lambda _: 0).read().content
    filled = {key.content for key in keys} if isinstance(keys, list) else set()
    # each begins with its length
    if sum(tensors.storages.values()) + 8 * len(tensors.storages) > size - file.tell():
        raise PickleError("is shorter than the tensors that it claims to hold")
    if not filled.issuperset(tensors.storages):
        raise PickleError("does not hold the numbers of all its tensors")


class _Reader:
    def __init__(self, file: _File, size: int, stored: Callable[[str], int | None]) -> None:
        self._file, self._stored = file, stored
        self._parts_left = _FREE_PARTS + size // _BYTES_PER_PART
        self._copies_left = _FREE_PARTS + size
        self._stack: list[_Value] = []
        self._memo: dict[int, _Value] = {}
        self.storages: dict[str, int] = {}

    def read(self) -> _Value:
        """Return the value, after all the checks."""
        try:
            for name, value in operations(self._file):
                self._parts_left -= 1
                if self._parts_left < 0:
                    raise PickleError("consists of more parts than a file of weights of its size")
                if name == "STOP":
                    return self._stack.pop()
                self._follow(name, value)
        except PickleError:
            raise
        except Exception as error:  # bytes that are not a pickle may fail in any way
            raise PickleError(f"is damaged: {str(error).strip()[:_SHOWN] or type(error).__name__}") from None
        raise PickleError("ends too early")

    def _follow(self, name: str, value: Any) -> None:
        stack = self._stack
        match name:
            case "PROTO":
                pass
            case "NONE" | "NEWTRUE" | "NEWFALSE" | "BINFLOAT":
                stack.append(_Value())
            case "BININT" | "BININT1" | "BININT2" | "LONG1":
                stack.append(_Value(content=value))
            case "BINUNICODE" | "SHORT_BINSTRING":
                stack.append(_Value(len(value), value))
            case "GLOBAL":
                stack.append(_Value(content=_Name(value)))
            case "MARK":
                stack.append(_MARK)
            case "EMPTY_TUPLE":
                stack.append(_Value(0, ()))
            case "EMPTY_LIST":
                stack.append(_Value(0, []))
            case "EMPTY_DICT" | "EMPTY_SET":
                stack.append(_Value(0))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self._tuple(self._take(int(name[-1])))
            case "TUPLE":
                self._tuple(self._marked())
            case "APPEND":
                self._extend(self._take(1))
            case "APPENDS":
                self._extend(self._marked())
            case "SETITEM":
                self._set(self._take(2))
            case "SETITEMS":
                self._set(self._marked())
            case "BINPUT" | "LONG_BINPUT":
                self._memo[value] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memo[value])
            case "REDUCE" | "NEWOBJ":
                function, given = self._take(2)
                stack.append(self._call(function, given))
            case "BUILD":
                self._copy(stack.pop().size)
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case _:
                raise PickleError(f"wants {name}, which no file of weights needs")

    def _take(self, count: int) -> list[_Value]:
        taken = self._stack[len(self._stack) - count :]
        if len(taken) < count or _MARK in taken:
            raise PickleError("is damaged: values are missing")
        del self._stack[len(self._stack) - count :]
        return taken

    def _marked(self) -> list[_Value]:
        taken: list[_Value] = []
        while (value := self._stack.pop()) is not _MARK:
            taken.append(value)
        return taken[::-1]

    def _tuple(self, values: Sequence[_Value]) -> None:
        self._stack.append(_Value(len(values), tuple(values)))

    def _extend(self, values: Sequence[_Value]) -> None:
        target = self._stack[-1]
        target.size += len(values)
        if isinstance(target.content, list):
            target.content.extend(values)

    def _set(self, values: Sequence[_Value]) -> None:
        _check_keys(values[::2])
        self._stack[-1].size += len(values)

    def _copy(self, parts: int) -> None:
        self._copies_left -= parts
        if self._copies_left < 0:
            raise PickleError("uses its content more often than a file of weights")

    def _call(self, function: _Value, given: _Value) -> _Value:
        if not isinstance(function.content, _Name) or not isinstance(given.content, tuple):
            raise PickleError("is damaged: it calls what cannot be called")
        words, values = function.content.words, given.content
        if words not in _CALLS:
            raise PickleError(f"holds other things than dense tensors (it calls {words[:_SHOWN].replace(' ', '.')})")
        if words.endswith(" _rebuild_from_type_v2"):
            return self._call(values[0], values[2])
        parts = sum(value.size for value in values)
        self._copy(parts)
        if words in _HASHING:
            for value in values:
                inside = value.content if isinstance(value.content, (list, tuple)) else ()
                _check_keys(inside)
                _check_keys([one.content[0] for one in inside if isinstance(one.content, list) and one.content])
        if words.split(" ")[1] in _TENSORS:
            _check_shape(*values)
        return _Value(parts)

    def _storage(self, identifier: _Value) -> _Value:
        kind, name, key, _, count, *view = identifier.content
        if kind.content != "storage" or not isinstance(name.content, _Name):
            raise PickleError("is damaged: a storage has no kind")
        claimed = _natural(count) * _item_size(name.content.words)
        held = self._stored(key.content) or 0
        if claimed > held:
            shown = str(key.content)[:_SHOWN]
            raise PickleError(f"claims {claimed} bytes of numbers in its storage {shown}, which has {held}")
        self.storages[key.content] = max(claimed, self.storages.get(key.content, 0))
        if view and isinstance(view[0].content, tuple):
            *_, count = view[0].content
        return _Value(content=_Storage(_natural(count)))


def _check_keys(values: Sequence[_Value]) -> None:
    # the hash of tuples of tuples may take for ever
    if any(isinstance(value.content, tuple) for value in values):
        raise PickleError("is damaged: a key of a dict is neither text nor a number")


def _check_shape(storage: _Value, offset: _Value, shape: _Value, strides: _Value, *more: _Value) -> None:
    """Insist on a tensor that lies within its storage, which PyTorch would make larger."""
    if not isinstance(storage.content, _Storage):
        raise PickleError("is damaged: a tensor has no storage")
    count = storage.content.count
    sizes = [_natural(value) for value in shape.content]
    steps = [_natural(value) for value in strides.content]
    if len(more) > 2 and isinstance(more[2].content, _Name):
        # of an untyped storage, whose count is of bytes
        dtype = getattr(torch, more[2].content.words.rpartition(" ")[2], None)
        count //= dtype.itemsize if isinstance(dtype, torch.dtype) else 1
    if math.prod(sizes) and _natural(offset) + sum((n - 1) * s for n, s in zip(sizes, steps)) >= count:
        raise PickleError(f"holds a tensor of shape {sizes[:_DIMENSIONS]}, which is larger than its storage")


def _natural(value: _Value) -> int:
    if not isinstance(value.content, int) or value.content < 0:
        raise PickleError("is damaged: a size is not a number")
    return value.content


def _item_size(words: str) -> int:
    size = _ITEM_SIZES.get(words.rpartition(" ")[2])
    if size is None:
        raise PickleError(f"holds numbers of another kind than weights ({words[:_SHOWN].replace(' ', '.')})")
    return size
