"""Checks tensors against the shapes in the signatures of the package, at each call that a test makes."""

import dataclasses
import functools
import inspect
import sys
import types
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from typing import Any, Union, cast, get_args, get_origin

import torch
from jaxtyping import AbstractArray, jaxtyped

ROOMS = (
    "recircle.arc",
    "recircle.decode",
    "recircle.engines",
    "recircle.evaluation",
    "recircle.explain",
    "recircle.export",
    "recircle.inference",
    "recircle.layers",
    "recircle.loading",
    "recircle.models",
    "recircle.surgery",
    "recircle.suspects",
    "recircle.timelines",
    "recircle.views",
)
"""The packages whose functions, methods, properties and dataclasses are checked."""


class WrongShapeError(TypeError):
    """A tensor has not the shape, or not the kind of numbers, that a signature declares."""


def check_shapes(rooms: Sequence[str] = ROOMS) -> None:
    """Check the functions of all modules of `rooms` that are imported from now on.

    Raises:
        RuntimeError: one of them has been imported already, so that it would not be checked.
    """
    early = [name for name in sys.modules if name.startswith(tuple(f"{room}." for room in rooms))]
    if early:
        raise RuntimeError(f"the shapes of {', '.join(early)} are not checked: they were imported before")
    sys.meta_path.insert(0, _Finder(tuple(rooms)))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a check of the shapes that it declares; itself if it declares none.

    The names of dimensions stand for the same sizes in all arguments and in the result. They are compared after the
    call, so that what the function itself says about a wrong argument comes first; and not where the function is
    compiled, exported or traced, because a size may be a symbol there.

    Raises:
        WrongShapeError: from the function returned, with what does not fit.
    """
    hints = {name: hint for name, hint in inspect.get_annotations(function).items() if _has_shape(hint)}
    if not hints or inspect.isgeneratorfunction(function):
        return function
    signature = inspect.signature(function)

    def compare(args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        given = signature.bind(*args, **kwargs).arguments
        if not any(isinstance(value, torch.fx.Proxy) for value in given.values()):
            _compare(function, hints, {**given, "return": result})

    # the compiler reads all that this one closes over, which is why there are two functions
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not torch.compiler.is_compiling():
            compare(args, kwargs, result)
        return result

    # code of its own: the compiler counts how often it compiles one code, and gives up after a few functions
    own: Any = call
    own.__code__ = own.__code__.replace(co_firstlineno=function.__code__.co_firstlineno)
    return own


def _compare(function: Callable[..., Any], hints: dict[str, Any], values: dict[str, Any]) -> None:
    with jaxtyped("context"):
        for name, value in values.items():
            if name in hints and not _fits(value, hints[name]):
                place = "its result" if name == "return" else name
                others = {other: _described(values[other]) for other in hints if other in values and other != name}
                raise WrongShapeError(
                    f"{function.__module__}.{function.__qualname__}: {place} is {_described(value)}, declared as "
                    f"{hints[name]}; beside it {others}"
                )


def _has_shape(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return get_origin(hint) in (*_UNIONS, tuple, list) and any(map(_has_shape, get_args(hint)))


def _fits(value: Any, hint: Any) -> bool:
    if not _has_shape(hint):
        return True
    origin, parts = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        return any(value is None if part is types.NoneType else _fits(value, part) for part in parts)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, parts[0]) for item in value)
    if origin is tuple:
        kinds = [parts[0]] * len(value) if parts[-1] is ... else parts
        return isinstance(value, tuple) and len(value) == len(kinds) and all(map(_fits, value, kinds))
    return isinstance(value, hint)


_UNIONS = (Union, types.UnionType)


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"{value.dtype} {tuple(shape)}"


class _Finder:
    """Finds the modules of some packages as Python does, and has their functions checked."""

    def __init__(self, rooms: tuple[str, ...]) -> None:
        self.rooms = rooms

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if not f"{name}.".startswith(tuple(f"{room}." for room in self.rooms)):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: types.ModuleType) -> None:
        super().exec_module(module)
        _check_all(module, self.path)


def _check_all(holder: types.ModuleType | type, path: str) -> None:
    """Replace the functions of a module or class that were written in the file at `path`."""
    for name, value in [*vars(holder).items()]:
        if _is_in(value, path):
            setattr(holder, name, checked(value))
        elif isinstance(value, staticmethod | classmethod) and _is_in(value.__func__, path):
            setattr(holder, name, type(value)(checked(value.__func__)))
        elif isinstance(value, property) and _is_in(value.fget, path):
            setattr(holder, name, property(checked(cast(Any, value.fget)), value.fset, value.fdel, value.__doc__))
        elif isinstance(value, type) and isinstance(holder, types.ModuleType) and _is_of(value, holder):
            _check_all(value, path)
            if dataclasses.is_dataclass(value) and "__init__" in vars(value):
                # written by `dataclass`, so in no file; the fields are its arguments
                setattr(value, "__init__", checked(vars(value)["__init__"]))  # noqa: B010  (typed as read-only)


def _is_in(function: Any, path: str) -> bool:
    return isinstance(function, types.FunctionType) and function.__code__.co_filename == path


def _is_of(kind: type, module: types.ModuleType) -> bool:
    """Tell whether a class was written in `module`; those that are public say that they are of the package."""
    return kind.__module__ in (module.__name__, module.__name__.partition(".")[0])
