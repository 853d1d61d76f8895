"""A list of clips as JSON: objects with the names of columns, pairs, paths, or one object of paths and labels."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recircle.decode.media import is_media
from recircle.errors import UserError
from recircle.layouts.columns import roles_of
from recircle.layouts.tables import SPLITS, parse_json
from recircle.manifest.text_table import Record, Table, split_lines

_FORMS = (
    'write a list of objects such as {"path": "a.mp4", "label": "run"}, one such object per line, or one object of '
    'paths and labels such as {"a.mp4": "run"}'
)
Entry = tuple[str, Any]
"""Where an entry stands, and the entry."""


def looks_like_json(path: Path, text: str) -> bool:
    """Tell whether a list is JSON, by its suffix or its content."""
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return True
    start = text.lstrip()
    if not start.startswith(("{", "[")):
        return False
    for part in (start, split_lines(start)[0]):
        try:
            return isinstance(json.loads(part), dict | list)
        except (json.JSONDecodeError, RecursionError):
            continue
    return False


def read_clip_json(path: Path, text: str) -> Table:
    """Return the records of a list in JSON or JSON Lines.

    Raises:
        UserError: it is not JSON, or says in none of the known forms which clips there are.
    """
    entries = list(_entries(path, text))
    if not entries:
        raise UserError(f"{path} is an empty list; {_FORMS}")
    if all(isinstance(entry, Mapping) for _, entry in entries):
        return _of_objects(path, entries)
    if all(isinstance(entry, list) for _, entry in entries):
        records = [Record(where, tuple(as_text(value, where) for value in entry)) for where, entry in entries]
        return Table(path, (), tuple(records))
    if all(isinstance(entry, str) for _, entry in entries):
        return Table(path, (), tuple(Record(where, (entry,)) for where, entry in entries))
    kinds = {type(entry) for _, entry in entries}
    where = next(where for where, entry in entries if type(entry) is not type(entries[0][1]) or len(kinds) == 1)
    raise UserError(f"{where}: this JSON is not a list of clips; {_FORMS}")


def as_text(value: Any, where: str) -> str:
    """Return a value of a table that has types as the text of a field.

    Raises:
        UserError: it is a list or an object.
    """
    if value is None or value != value:
        return ""
    if isinstance(value, list | tuple) and len(value) == 1:
        return as_text(value[0], where)
    if isinstance(value, list | tuple | dict | set):
        shown = repr(value) if len(repr(value)) < 100 else f"{repr(value)[:97]}..."
        raise UserError(
            f"{where}: {shown} is not a single value; give each clip a path and one label, as several labels of a clip "
            "are not read"
        )
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _entries(path: Path, text: str) -> Iterator[Entry]:
    lines = [(f"{path}, line {number}", line) for number, line in enumerate(split_lines(text), 1) if line.strip()]
    if path.suffix.lower() in (".jsonl", ".ndjson") or (len(lines) > 1 and _are_objects(lines)):
        yield from ((where, parse_json(line, where)) for where, line in lines)
        return
    yield from _unfolded(str(path), parse_json(text, str(path)))


def _are_objects(lines: list[tuple[str, str]]) -> bool:
    """Tell whether the first two lines are values of their own."""
    try:
        return all(isinstance(json.loads(line), dict | list) for _, line in lines[:2])
    except (json.JSONDecodeError, RecursionError):
        return False


def _unfolded(where: str, content: Any, split: str = "") -> Iterator[Entry]:
    """Yield the entries of a JSON value: of a list, of lists by split or by label, or of an object of paths."""
    if isinstance(content, list):
        for number, entry in enumerate(content, 1):
            yield f"{where}, entry {number}", _with_split(entry, split, f"{where}, entry {number}")
    elif not isinstance(content, Mapping):
        raise UserError(f"{where}: this JSON is not a list of clips; {_FORMS}")
    elif content and all(key.lower() in SPLITS and isinstance(value, list | dict) for key, value in content.items()):
        for key, value in content.items():
            yield from _unfolded(f"{where}, {key!r}", value, key)
    elif len(content) == 1 and _is_wrapper(*next(iter(content.items()))):
        yield from _unfolded(where, next(iter(content.values())), split)
    elif (records := _by_columns(content)) is not None:
        yield from ((f"{where}, row {number}", record) for number, record in enumerate(records, 1))
    elif content and all(isinstance(value, list) and _are_clips(value) for value in content.values()):
        for label, paths in content.items():
            for number, entry in enumerate(paths, 1):
                yield f"{where}, {label!r}, entry {number}", {"path": entry, "label": label, "split": split}
    elif any(isinstance(value, list) and len(value) > 1 and not is_media(key) for key, value in content.items()):
        raise UserError(f"{where}: this JSON is not a list of clips; {_FORMS}")
    else:
        for key, value in content.items():
            entry = {"path": key, **value} if isinstance(value, Mapping) else {"path": key, "label": value}
            yield f"{where}, {key!r}", _with_split(entry, split, where)


def _by_columns(content: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """Return the records of a table that is stored by columns, in the ways of a library of tables; None if it is not.

    {"path": [...], "label": [...]}, {"path": {"0": ...}, "label": {"0": ...}} or {"columns": [...], "data": [[...]]}.
    """
    names, data = content.get("columns"), content.get("data")
    if isinstance(names, list) and isinstance(data, list):
        rows = [row for row in data if isinstance(row, list) and len(row) == len(names)]
        return [dict(zip(map(str, names), row)) for row in rows] if len(rows) == len(data) else None
    columns = list(content.values())
    if len(columns) < 2 or not any(role == "path" for name in content for role, _ in roles_of(name)):
        return None
    plain = (isinstance(column, list) and not any(isinstance(v, Mapping) for v in column) for column in columns)
    if all(plain) and len(set(map(len, columns))) == 1:
        return [dict(zip(content, row)) for row in zip(*columns)]
    if all(isinstance(column, Mapping) and column.keys() == columns[0].keys() for column in columns):
        return [{name: content[name][key] for name in content} for key in columns[0]]
    return None


def _is_wrapper(key: str, value: Any) -> bool:
    """Tell whether an object of one key, such as {"videos": [...]}, says no more than that a list of clips follows."""
    if _are_clips(value):
        return any(role == "path" for role, _ in roles_of(key))
    entries = value if isinstance(value, list) else value.values() if isinstance(value, Mapping) else ()
    return not is_media(key) and bool(entries) and all(isinstance(entry, Mapping | list) for entry in entries)


def _are_clips(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(entry, str) and is_media(entry) for entry in value)
    )


def _with_split(entry: Any, split: str, where: str) -> Any:
    if not split:
        return entry
    if isinstance(entry, Mapping):
        return {**entry, "split": split}
    if isinstance(entry, str):
        return {"path": entry, "split": split}
    if isinstance(entry, list) and len(entry) == 2:
        return {"path": entry[0], "label": entry[1], "split": split}
    raise UserError(f"{where}: {entry!r} is not a clip; {_FORMS}")


def _of_objects(path: Path, entries: list[Entry]) -> Table:
    names = tuple(dict.fromkeys(name for _, entry in entries for name in entry))
    for where, entry in entries:
        if not any(role == "path" for name in entry for role, _ in roles_of(name)):
            raise UserError(
                f"{where}: none of {', '.join(map(repr, entry)) or 'its names'} is known to hold the path; {_FORMS}"
            )
    # what is in a column that is not read need not be one value
    used = {name for name in names if roles_of(name)}
    records = [
        Record(where, tuple(_field(entry.get(name), where, name in used) for name in names)) for where, entry in entries
    ]
    return Table(path, names, tuple(records))


def _field(value: Any, where: str, is_used: bool) -> str:
    return as_text(value, where) if is_used or not isinstance(value, list | dict) else json.dumps(value)
