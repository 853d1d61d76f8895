"""Configs to JSON and back: nested frozen dataclasses, read strictly, with errors that name the field and the file."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from recircle.errors import UserError

T = TypeVar("T")


def to_json(value: Any) -> str:
    """Return a dataclass (nested; paths, tuples, literals, None) as indented JSON that ends in a newline."""
    return TypeAdapter(type(value)).dump_json(value, indent=2).decode() + "\n"


def from_json(cls: type[T], text: str | bytes, *, source: str | Path = "the given JSON") -> T:
    """Build a dataclass from JSON; every field is checked, and its `__post_init__` runs.

    Args:
        cls: the dataclass.
        text: what `to_json` wrote, perhaps edited by hand. Fields that are left out take their defaults.
        source: where the text comes from, for the messages.

    Raises:
        UserError: the text is not JSON, a field is unknown, missing or of the wrong type, or has a value that the
            config refuses.
    """
    adapter = TypeAdapter(cls)
    try:
        value = adapter.validate_json(text, strict=True)
    except ValidationError as error:
        problems = "; ".join(_problem(details) for details in error.errors())
        raise UserError(f"{source}: {problems}") from None
    # pydantic passes over unknown keys of standard dataclasses, so that a misspelt field would keep its default
    unknown = _unknown_fields(json.loads(text), adapter.dump_python(value, mode="json"))
    if unknown:
        raise UserError(f"{source}: {cls.__name__} has no field {', '.join(unknown)}; remove or rename it")
    return value


def read_json(cls: type[T], path: Path) -> T:
    """Build a dataclass from a JSON file, as `from_json` does.

    Raises:
        UserError: the file is missing or not readable, or as for `from_json`.
    """
    return from_json(cls, read_bytes(path), source=path)


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        UserError: the file is missing or not readable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None


def _problem(details: Any) -> str:
    """Return one error of pydantic as `field: what is wrong`."""
    where = ".".join(str(part) for part in details["loc"])
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "missing":
        message = "this field is missing"
    return f"{where}: {message}" if where else message


def _unknown_fields(given: Any, known: Any, prefix: str = "") -> list[str]:
    """Return the dotted names of keys in `given` that its round trip through the dataclass lost."""
    if isinstance(given, dict) and isinstance(known, dict):
        lost = [f"{prefix}{key}" for key in given if key not in known]
        kept = [key for key in given if key in known]
        return lost + [name for key in kept for name in _unknown_fields(given[key], known[key], f"{prefix}{key}.")]
    if isinstance(given, list) and isinstance(known, list):
        pairs = enumerate(zip(given, known))
        return [name for i, (a, b) in pairs for name in _unknown_fields(a, b, f"{prefix}{i}.")]
    return []
