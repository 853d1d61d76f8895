"""Reading the lists that come with data sets, with errors that say where they are wrong."""

import csv
import json
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from recircle.errors import UserError

# the names that folders and lists give to splits
SPLITS: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def read_text(path: Path) -> str:
    """Return a text file's content.

    Raises:
        UserError: it is missing, not readable, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; save it in that encoding") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None


def read_lines(path: Path) -> list[tuple[str, str]]:
    """Return the lines that are not blank, each with the words that say where it stands."""
    lines = enumerate(read_text(path).splitlines(), 1)
    return [(f"{path}, line {number}", line.strip()) for number, line in lines if line.strip()]


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        UserError: it cannot be read or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON: {error}") from None


def read_table(path: Path, needed: Collection[str]) -> list[tuple[str, dict[str, str]]]:
    """Return the rows of a comma-separated table with a header, each with the words that say where it stands.

    Raises:
        UserError: it cannot be read, lacks a column, or a row has too few fields.
    """
    reader = csv.DictReader(read_text(path).splitlines())
    for name in needed:
        if name not in (reader.fieldnames or ()):
            raise UserError(f"{path}: column {name!r} is missing; take the list that came with the data set")
    rows = []
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        if any(row[name] is None for name in needed):
            raise UserError(f"{where}: fewer fields than the header has; mend the line")
        rows.append((where, row))
    return rows


def has_columns(path: Path, needed: Collection[str]) -> bool:
    """Tell whether a file is a comma-separated table with these columns."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline(10_000)
    return set(needed) <= set(header.strip().split(","))


def check_label(label: str, known: Collection[str], where: str, source: str | Path) -> str:
    """Return the label if it is a known class.

    Raises:
        UserError: it is not; the message names it.
    """
    if label not in known:
        raise UserError(f"{where}: label {label!r} is not one of the {len(known)} in {source}; mend one of the two")
    return label


def warn_unlisted(folder: Path, names: Collection[str]) -> None:
    """Say how many clips lie on disk that no list names."""
    if names:
        some = ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
        warnings.warn(f"{folder}: {len(names)} clips on disk are in no list and are left out ({some})", stacklevel=3)
