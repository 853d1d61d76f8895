"""Configs to JSON and back: nested frozen dataclasses, read strictly, with errors that name the field and the file."""

import json
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from recircle import __version__
from recircle.errors import UserError
from recircle.written_by import FIELD, upgrade_needed

T = TypeVar("T")

_TO_PRIVATE = 0x100000
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_STAND_IN = re.compile("[\U0010d800-\U0010dfff]")


def to_json(value: Any) -> str:
    r"""Return a dataclass (nested; paths, tuples, literals, None) as indented JSON that ends in a newline.

    Bytes of a file name that are not UTF-8 are written as `\udc80` to `\udcff`, and `from_json` reads them.
    """
    adapter = TypeAdapter(type(value))
    try:
        return adapter.dump_json(value, indent=2).decode() + "\n"
    except PydanticSerializationError:
        return json.dumps(adapter.dump_python(value, mode="json"), indent=2) + "\n"


def parse_json(text: str | bytes, source: str | Path) -> Any:
    """Return what a JSON text holds.

    Args:
        text: of a file that may be damaged, or made to do harm.
        source: where it comes from, for the messages.

    Raises:
        UserError: it is not JSON, or nested too deeply.
    """
    try:
        content = json.loads(text)
        # what reads it below goes as deep as it does, in more steps
        _map_text(content, str)
    except ValueError as error:
        raise UserError(f"{source} is not JSON: {error}") from None
    except RecursionError:
        raise UserError(f"{source} is not JSON that can be read: it is nested too deeply") from None
    return content


def to_stamped_json(value: Any) -> str:
    """Return what `to_json` does, with the version of this package before the fields of the dataclass."""
    return f'{{\n  "{FIELD}": "{__version__}",' + to_json(value).removeprefix("{")


def from_json(cls: type[T], text: str | bytes, *, source: str | Path = "the given JSON") -> T:
    """Build a dataclass from JSON; every field is checked, and its `__post_init__` runs.

    Args:
        cls: the dataclass.
        text: what `to_json` or `to_stamped_json` wrote, perhaps edited by hand. Fields that are left out take their
            defaults.
        source: where the text comes from, for the messages.

    Raises:
        UserError: the text is not JSON, a field is unknown, missing or of the wrong type, or has a value that the
            config refuses; where a newer version of this package wrote the text, the message says that instead.
    """
    text, version = _without_stamp(cls, text)
    try:
        return _from_json(cls, text, source)
    except UserError as error:
        if (needed := upgrade_needed(source, version)) is None:
            raise
        raise UserError(f"{needed} ({str(error).removeprefix(f'{source}: ')})") from None


def _without_stamp(cls: type[Any], text: str | bytes) -> tuple[str | bytes, object]:
    """Return the text without the version that wrote it, unless that is a field of the dataclass, and the version."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):  # which is reported where all of it is read
        return text, None
    if not isinstance(content, dict) or FIELD not in content:
        return text, None
    version = content[FIELD]
    if is_dataclass(cls) and FIELD in {field.name for field in fields(cls)}:
        return text, version
    del content[FIELD]
    return json.dumps(content), version


def _from_json(cls: type[T], text: str | bytes, source: str | Path) -> T:
    adapter = TypeAdapter(cls)
    content = parse_json(text, source)
    # pydantic knows no bytes that are not UTF-8: characters of private use stand for them meanwhile
    stands_in: Any = _map_text(content, lambda word: _NOT_UTF8.sub(_stand_in, word))
    try:
        value = adapter.validate_json(text if stands_in == content else json.dumps(stands_in), strict=True)
    except ValidationError as error:
        problems = "; ".join(_problem(details) for details in error.errors())
        raise UserError(f"{source}: {problems}") from None
    # pydantic passes over unknown keys of standard dataclasses, so that a misspelt field would keep its default
    unknown = _unknown_fields(stands_in, adapter.dump_python(value, mode="json"))
    if unknown:
        raise UserError(f"{source}: {cls.__name__} has no field {', '.join(unknown)}; remove or rename it")
    if stands_in != content:
        return cast(T, _map_text(value, lambda word: _STAND_IN.sub(_original, word)))
    return value


def _stand_in(found: re.Match[str]) -> str:
    return chr(ord(found[0]) + _TO_PRIVATE)


def _original(found: re.Match[str]) -> str:
    return chr(ord(found[0]) - _TO_PRIVATE)


def _map_text(value: object, change: Callable[[str], str]) -> object:
    """Return a value with each text and path inside it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Path):
        return type(value)(change(str(value)))
    if isinstance(value, dict):
        return {_map_text(key, change): _map_text(inside, change) for key, inside in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_map_text(inside, change) for inside in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _map_text(getattr(value, one.name), change) for one in fields(value)})
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
