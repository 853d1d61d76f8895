"""The public API as text, one name or signature a line; `python -m tests.api_snapshot` renews the file that is kept."""

import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, is_typeddict

import recircle

KEPT = Path(__file__).with_name("api.txt")
ROOMS = ("arc", "layers", "models", "surgery")
SPECIAL = ("__call__", "__len__", "__iter__", "__getitem__")


def snapshot() -> str:
    """Return all that may be relied on: what `recircle` shows, then what else its public packages show."""
    lines: list[str] = []
    for name in sorted({*recircle.__all__} - {*ROOMS}):
        lines += render(f"recircle.{name}", getattr(recircle, name))
    for room in ROOMS:
        package = getattr(recircle, room)
        for name in sorted(package.__all__):
            value = getattr(package, name)
            path = f"recircle.{room}.{name}"
            lines += [f"{path} is recircle.{name}"] if name in recircle.__all__ else render(path, value)
    return "\n".join(lines) + "\n"


def render(path: str, value: Any) -> Iterator[str]:
    """Yield a line for a function; or one for a class, its parameters being those of its instances, and its members."""
    if not isinstance(value, type):
        yield f"{path}{signature(value)}"
        return
    if is_typeddict(value):
        yield f"{path} (keywords)"
        yield from (f"{path}[{key!r}]: {annotation(hint)}" for key, hint in sorted(value.__annotations__.items()))
        return
    bases = [base.__name__ for base in value.__mro__[1:-1] if not base.__name__.startswith("_")][:1]
    yield f"{path}({', '.join(bases)}) class"
    if not issubclass(value, Exception):
        yield f"{path}{signature(value)}"
    yield from (f"{path}.{line}" for line in sorted(members(value)))


def members(cls: type) -> Iterator[str]:
    """Yield the attributes, properties and methods that come from this package."""
    seen: set[str] = set()
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] != "recircle":
            continue
        hints = inspect.get_annotations(base)
        for name in {**hints, **vars(base)}:
            if name in seen or (name.startswith("_") and name not in SPECIAL):
                continue
            seen.add(name)
            found = inspect.getattr_static(cls, name, None)
            if isinstance(found, property):
                yield f"{name}: {annotation(inspect.signature(found.fget).return_annotation)} property"  # pyright: ignore
            elif isinstance(found, (classmethod, staticmethod)):
                yield f"{name}{signature(getattr(cls, name))} {type(found).__name__}"
            elif inspect.isfunction(found):
                yield f"{name}{signature(found)}"
            elif name in hints:
                yield f"{name}: {annotation(hints[name])}"


def signature(function: Any) -> str:
    """Return the signature with types and defaults, spelt alike under all versions of Python."""
    found = inspect.signature(function)
    parameters = [
        one.replace(
            annotation=one.empty if one.annotation is one.empty else Verbatim(annotation(one.annotation)),
            default=one.empty if one.default is one.empty else Verbatim(default(one.default)),
        )
        for one in found.parameters.values()
    ]
    returned = found.return_annotation
    arrow = "" if returned in (found.empty, None) else f" -> {annotation(returned)}"
    return f"{inspect.Signature(parameters)}{arrow}"


class Verbatim:
    """Shows itself as the text it is given."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def annotation(hint: Any) -> str:
    """Return a type without the modules that its parts are from, which differ between versions."""
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    text = re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)
    text = re.sub(r"ndarray\[(?:Any|tuple\[[^\]]*\]), dtype\[([^\]]*)\]\]", r"NDArray[\1]", text)
    return text.replace("Optional[", "Union[None, ")


def default(value: Any) -> str:
    """Return a default as it is written; of an object that does not show itself, its type."""
    if isinstance(value, (types.FunctionType, type)):
        return value.__name__
    text = "<version>" if value == recircle.__version__ else repr(value)
    return f"<{type(value).__name__}>" if " at 0x" in text or "object at" in text else text


if __name__ == "__main__":
    KEPT.write_text(snapshot(), encoding="utf-8")
