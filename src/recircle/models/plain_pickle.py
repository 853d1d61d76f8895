"""Pickles as data: plain containers, text, numbers and arrays are built here, and nothing that a file may name is run.

The standard library's reader allocates what a file claims, and its dicts compute the hash of whatever is given as a
key; a few bytes then take all memory, or never end. Here each part of a file makes at most one object, copies are paid
for from a budget of the file's size, and keys are text, bytes or numbers.
"""

import ast
import io
import pickletools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FREE_PARTS, _BYTES_PER_PART = 10_000, 4
"""A file may have so many parts, and one more for each so many of its bytes: what an object takes is bounded so."""
_KINDS = "biuf"
_SHOWN = 100
"""How many characters of a file's words a message shows."""


class PickleError(ValueError):
    """A pickle that is damaged, or wants more than plain data; the message completes "it ..."."""


class PickledArray:
    """An array of a pickle.

    Attributes:
        numbers: its values; they share memory with the file's content. None where it holds other things than numbers.
    """

    def __init__(self, numbers: "NDArray[Any] | None" = None) -> None:
        self.numbers = numbers


class _Name:
    """A class or function that a file names: a word here."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Dtype:
    """The type of an array's values; the order of its bytes comes later than its name."""

    def __init__(self, name: str) -> None:
        self.name = name.lstrip("<>=|")
        self.order = name[0] if name[:1] in ("<", ">") else "="

    def numbers(self) -> "np.dtype[Any] | None":
        """Return the dtype, None for one that is not of numbers."""
        if self.name[:1] not in _KINDS or self.name[1:] not in ("1", "2", "4", "8", "16"):
            return None
        try:
            return np.dtype(self.order + self.name)
        except TypeError:
            return None


_MARK = object()


def read_pickle(content: bytes) -> Any:
    """Return what a pickle holds: dicts, lists, tuples, text (that of Python 2 as latin-1), numbers, `PickledArray`.

    Args:
        content: of the file; any protocol.

    Raises:
        PickleError: it is damaged, or wants anything else.
    """
    try:
        return _Reader(content).read()
    except PickleError:
        raise
    except Exception as error:  # bytes that are not a pickle may fail in any way
        raise PickleError(f"is damaged: {str(error).strip()[:_SHOWN] or type(error).__name__}") from None


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._parts_left = _FREE_PARTS + len(content) // _BYTES_PER_PART
        self._bytes_left = 2 * len(content)
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def read(self) -> Any:
        for name, value in operations(io.BytesIO(self._content)):
            self._spend(1)
            if name == "STOP":
                return self._stack.pop()
            operation = _OPERATIONS.get(name)
            if operation is None:
                raise PickleError(f"wants {name}, which is not an array of numbers")
            operation(self, value)
        raise PickleError("ends too early")

    def _spend(self, parts: int) -> None:
        self._parts_left -= parts
        if self._parts_left < 0:
            raise PickleError("consists of more parts than a file of weights of its size")

    def _copy(self, count: int) -> None:
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise PickleError("uses its content more often than a file of weights")

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def push_new(self, kind: type) -> None:
        self._stack.append(kind())

    def take(self, count: int) -> None:
        taken = self._stack[len(self._stack) - count :]
        if len(taken) < count or any(value is _MARK for value in taken):
            raise PickleError("is damaged: values are missing")
        del self._stack[len(self._stack) - count :]
        self._stack.append(tuple(taken))

    def marked(self) -> list[Any]:
        for at in range(len(self._stack) - 1, -1, -1):
            if self._stack[at] is _MARK:
                values = self._stack[at + 1 :]
                del self._stack[at:]
                return values
        raise PickleError("is damaged: a mark is missing")

    def pop(self) -> None:
        self._stack.pop()

    def pop_marked(self) -> None:
        self.marked()

    def top(self) -> None:
        self._stack.append(self._stack[-1])

    def make_tuple(self) -> None:
        self._stack.append(tuple(self.marked()))

    def make_list(self) -> None:
        self._stack.append(self.marked())

    def make_dict(self) -> None:
        values = self.marked()
        self._stack.append({})
        self._set(values)

    def set_one(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set([key, value])

    def set_marked(self) -> None:
        self._set(self.marked())

    def _set(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(values) % 2:
            raise PickleError("is damaged: it sets items of something that is not a dict")
        for key, value in zip(values[::2], values[1::2]):
            target[_key(key)] = value

    def append_one(self) -> None:
        self._append([self._stack.pop()])

    def append_marked(self) -> None:
        self._append(self.marked())

    def _append(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise PickleError("is damaged: it appends to something that is not a list")
        self._stack[-1].extend(values)

    def remember(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def recall(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def name(self, words: str | None) -> None:
        if words is None:
            name, module = self._stack.pop(), self._stack.pop()
        else:
            module, _, name = words.partition(" ")
        if (module, name) not in _CALLS:
            raise PickleError(f"wants {str(module)[:_SHOWN]}.{str(name)[:_SHOWN]}, which is not an array of numbers")
        self._stack.append(_Name(f"{module}.{name}"))

    def call(self) -> None:
        given, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, _Name) or not isinstance(given, tuple):
            raise PickleError("is damaged: it calls what cannot be called")
        module, _, name = function.name.rpartition(".")
        self._stack.append(_CALLS[module, name](self, *given))

    def build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, _Dtype):
            order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
            target.order = order if order in ("<", ">", "=") else "="
        elif isinstance(target, PickledArray):
            target.numbers = self._array(state)
        else:
            raise PickleError("wants an object with attributes, which is not an array of numbers")

    def _array(self, state: Any) -> "NDArray[Any] | None":
        _, shape, dtype, by_columns, raw = state
        kind = dtype.numbers()
        if kind is None:
            return None
        if not (isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)):
            raise PickleError("is damaged: an array has no shape")
        count = 1
        for size in shape:
            count *= size
        raw = self._bytes(raw)
        if count * kind.itemsize != len(raw):
            raise PickleError(f"is damaged: the {len(raw)} bytes of an array do not fill its shape")
        self._copy(len(raw))
        return np.frombuffer(raw, kind).reshape(shape, order="F" if by_columns else "C")

    def _bytes(self, raw: Any) -> bytes:
        """Return bytes as they are, and encode those that Python 2 wrote as text."""
        if isinstance(raw, bytes):
            return raw
        self._copy(len(raw))
        return raw.encode("latin-1")

    def encode(self, text: Any, encoding: Any) -> bytes:
        """Give back the bytes that Python 3 spells as text where it writes the protocols of Python 2."""
        if not isinstance(text, str) or encoding != "latin1":
            raise PickleError(f"encodes text as {str(encoding)[:_SHOWN]}")
        return self._bytes(text)

    def new_array(self, kind: Any, shape: Any, _: Any) -> PickledArray:
        if not isinstance(kind, _Name) or shape != (0,):
            raise PickleError("wants an array that has no values")
        return PickledArray()

    def scalar(self, dtype: Any, raw: Any) -> PickledArray:
        return PickledArray(self._array((1, (), dtype, False, raw)))

    def dtype(self, name: Any, *_: Any) -> _Dtype:
        if not isinstance(name, str):
            raise PickleError("is damaged: a dtype has no name")
        return _Dtype(name)

    def ordered(self, pairs: Any = ()) -> dict[Any, Any]:
        self._spend(len(pairs))
        return {_key(key): value for key, value in pairs}

    def not_called(self, *_: Any) -> Any:
        raise PickleError("wants an array that has no values")


def _key(value: Any) -> Any:
    if not isinstance(value, (str, bytes, int, float, type(None))):
        raise PickleError("is damaged: a key of a dict is neither text nor a number")
    return value


def operations(file: Any) -> Iterator[tuple[str, Any]]:
    """Yield the operations of a pickle with their arguments, which are never longer than what the file holds.

    Args:
        file: in memory, at the beginning of a pickle: `io.BytesIO`, or `mmap`. It does not stop behind the pickle.
    """
    known = {operation.code.encode("latin-1"): operation for operation in pickletools.opcodes}
    while code := file.read(1):
        if code not in known:
            raise PickleError("is not a pickle")
        operation = known[code]
        if operation.name == "STRING":
            # text of Python 2, whose bytes need not be ASCII
            with warnings.catch_warnings(action="ignore"):
                text = ast.literal_eval(f"b{file.readline().decode('latin-1')}")
            yield operation.name, text.decode("latin-1")
        else:
            yield operation.name, None if operation.arg is None else operation.arg.reader(file)


def _nothing(reader: _Reader, value: Any) -> None:
    pass


def _push(reader: _Reader, value: Any) -> None:
    reader.push(value)


def _pushes(value: Any) -> Callable[[_Reader, Any], None]:
    return lambda reader, _: reader.push(value)


def _makes(kind: type) -> Callable[[_Reader, Any], None]:
    return lambda reader, _: reader.push_new(kind)


def _takes(count: int) -> Callable[[_Reader, Any], None]:
    return lambda reader, _: reader.take(count)


def _does(method: Callable[[_Reader], None]) -> Callable[[_Reader, Any], None]:
    return lambda reader, _: method(reader)


_VALUES = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
)
"""What puts its argument on the stack."""

_OPERATIONS: dict[str, Callable[[_Reader, Any], None]] = {
    **dict.fromkeys(_VALUES, _push),
    **dict.fromkeys(("PROTO", "FRAME"), _nothing),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Reader.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Reader.recall),
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), _Reader.name),
    "NONE": _pushes(None),
    "NEWTRUE": _pushes(True),
    "NEWFALSE": _pushes(False),
    "MARK": _pushes(_MARK),
    "EMPTY_TUPLE": _pushes(()),
    "EMPTY_LIST": _makes(list),
    "EMPTY_DICT": _makes(dict),
    "TUPLE1": _takes(1),
    "TUPLE2": _takes(2),
    "TUPLE3": _takes(3),
    "TUPLE": _does(_Reader.make_tuple),
    "LIST": _does(_Reader.make_list),
    "DICT": _does(_Reader.make_dict),
    "SETITEM": _does(_Reader.set_one),
    "SETITEMS": _does(_Reader.set_marked),
    "APPEND": _does(_Reader.append_one),
    "APPENDS": _does(_Reader.append_marked),
    "REDUCE": _does(_Reader.call),
    "BUILD": _does(_Reader.build),
    "POP": _does(_Reader.pop),
    "POP_MARK": _does(_Reader.pop_marked),
    "DUP": _does(_Reader.top),
}

_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Reader.not_called,
    ("numpy", "dtype"): _Reader.dtype,
    ("collections", "OrderedDict"): _Reader.ordered,
    ("_codecs", "encode"): _Reader.encode,
    # the module has another name from NumPy 2 on, whichever version reads the file
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Reader.new_array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Reader.scalar for core in ("core", "_core")},
}
"""All that a pickle may name."""
