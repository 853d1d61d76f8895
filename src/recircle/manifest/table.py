"""Reading and writing a manifest's table: CSV by the standard library, Parquet by pyarrow."""

import csv
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recircle import __version__
from recircle.errors import UserError
from recircle.files import atomic_write, make_folder
from recircle.manifest.text_table import Record, Table, has_columns, open_table

Row = Mapping[str, Any]

_FORMULA = "'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""How a cell begins that spreadsheets compute, or that has apostrophes before it so that they do not."""
_CELL = r"(?:\A|(?<=[;\t\r\n]))"
"""Where a cell begins; inside a value, for spreadsheets that divide by semicolons or tabs and know no quotes there."""
_DANGEROUS, _ESCAPED = re.compile(f"{_CELL}(?={_FORMULA})"), re.compile(f"{_CELL}'(?={_FORMULA})")
_OURS = ("path", "frames", "status", "fault")
"""Columns by which a table that is given as a list shows that it is a manifest."""


def is_parquet(path: Path) -> bool:
    """Tell Parquet from CSV by the suffix.

    Raises:
        UserError: the suffix is neither, or it is Parquet and pyarrow is missing.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise UserError(f"{path}: a manifest is a .csv or .parquet file; name it so")
    if suffix == ".parquet":
        _import_pyarrow(path)
        return True
    return False


def read_rows(path: Path, required: Sequence[str], known: Sequence[str]) -> list[tuple[str, Row]]:
    """Return the rows of a table, each with the words that say where it stands ("clips.csv, line 3").

    Raises:
        UserError: the file cannot be read, is not a table, or its columns are not those wanted.
    """
    if is_parquet(path):
        names, rows = read_parquet(path)
        _check_columns(path, names, required, known)
        return rows
    table = read_as_written(path, known)
    _check_columns(path, table.names, required, known)
    return [(where, row) for where, row in table.fitted().rows()]


def is_manifest(path: Path) -> bool:
    """Tell whether a CSV table is a manifest, by its header."""
    return has_columns(path, _OURS)


def read_as_written(path: Path, known: Sequence[str]) -> Table:
    """Return the table of a manifest, whose cells are as `write_rows` was given them.

    Raises:
        UserError: the file cannot be read or is not a table.
    """
    # exact: names of files need not be Unicode, may begin with a blank, and must come back as they were
    table = open_table(path, known, exact=True)
    records = (Record(record.where, tuple(map(_from_text, record.fields))) for record in table.records)
    return replace(table, records=tuple(records))


def write_rows(path: Path, columns: Mapping[str, type], rows: Sequence[Row]) -> None:
    """Write a table in one step: a reader finds the old content or the new, never a part.

    Args:
        path: a .csv or .parquet file; its folder is made.
        columns: names and types.
        rows: the values by column.

    Raises:
        UserError: the file cannot be written.
    """
    write = _write_parquet if is_parquet(path) else _write_csv
    make_folder(path.parent)
    try:
        atomic_write(path, lambda temporary: write(temporary, columns, rows))
    except UnicodeEncodeError as error:
        raise UserError(
            f"{path}: the path {error.object!r} is not valid unicode, which Parquet cannot hold; "
            "rename that clip, or write a .csv file"
        ) from None


def read_parquet(path: Path) -> tuple[list[str], list[tuple[str, Row]]]:
    """Return the names of the columns of a Parquet file, and its rows, each with the words that say where it stands.

    Raises:
        UserError: the file cannot be read or is not a table, or pyarrow is missing.
    """
    arrow, parquet = _import_pyarrow(path)
    try:
        table = parquet.read_table(path, partitioning=None)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except arrow.ArrowException as error:
        raise UserError(f"{path} is not a Parquet table: {error}") from None
    return table.column_names, [(f"{path}, row {number}", row) for number, row in enumerate(table.to_pylist(), 1)]


def _check_columns(path: Path, names: Sequence[str], required: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"remove it; known are {', '.join(known)}"
            raise UserError(
                f"{path}: column {name!r} is unknown; {hint} (or upgrade, if a recircle newer than {__version__} wrote "
                "it)"
            )
        if names.count(name) > 1:
            raise UserError(f"{path}: column {name!r} is there twice; remove one of the two")
    for name in required:
        if name not in names:
            raise UserError(
                f"{path}: column {name!r} is missing (found: {', '.join(names) or 'none'}); "
                "`recircle index` writes a manifest from a folder or from a list of clips"
            )


def _write_csv(path: Path, columns: Mapping[str, type], rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        # the writer above puts no quotes around a carriage return, and the reader would take it for the end of the row
        quoting = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        for row in rows:
            values = [_as_text(row[name]) for name in columns]
            (quoting if any("\r" in str(value) for value in values) else writer).writerow(values)


def _as_text(value: Any) -> Any:
    """Return a cell in which no spreadsheet finds a formula: an apostrophe before it says that it is text."""
    return _DANGEROUS.sub("'", value) if isinstance(value, str) and _DANGEROUS.search(value) else value


def _from_text(cell: str) -> str:
    """Undo `_as_text`."""
    return _ESCAPED.sub("", cell) if "'" in cell else cell


def _write_parquet(path: Path, columns: Mapping[str, type], rows: Sequence[Row]) -> None:
    arrow, parquet = _import_pyarrow(path)
    kinds = {int: arrow.int64(), float: arrow.float64(), str: arrow.string()}
    schema = arrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
    parquet.write_table(arrow.table({name: [row[name] for row in rows] for name in columns}, schema=schema), path)


def _import_pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(f"{path}: Parquet needs pyarrow; `pip install recircle[parquet]`, or use a .csv file") from None
    return pyarrow, pyarrow.parquet
