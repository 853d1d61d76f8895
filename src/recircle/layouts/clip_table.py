"""A user's list of clips as a table, in whatever form it comes: delimited, Parquet, or what `clip_json` reads."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recircle.decode.media import VIDEO_SUFFIXES, is_media
from recircle.errors import UserError
from recircle.layouts.clip_json import as_text, looks_like_json, read_clip_json
from recircle.layouts.clip_lines import Lines
from recircle.layouts.columns import IsThere, is_blank_header, is_header, sample
from recircle.manifest.manifest import COLUMNS
from recircle.manifest.table import is_manifest, read_as_written, read_parquet
from recircle.manifest.text_table import DELIMITERS, Record, Table, is_comment, read_text, split_lines, split_records


def read_clip_table(path: Path, is_there: IsThere) -> Table:
    """Return the records of a list of clips.

    Args:
        path: the list.
        is_there: tells whether a clip of this name is to be found, which shows how lines are meant.

    Raises:
        UserError: the list cannot be read, is empty, or a line is not of the form of the others.
    """
    if path.suffix.lower() == ".parquet":
        names, rows = read_parquet(path)
        records = (Record(where, tuple(as_text(row[name], where) for name in names)) for where, row in rows)
        return Table(path, tuple(names), tuple(records))
    if path.suffix.lower() in VIDEO_SUFFIXES:
        raise UserError(f"{path} is a video, not a list; give the folder that it lies in")
    if is_manifest(path):
        return _of_manifest(path)
    text = read_text(path)
    if not text.strip():
        raise UserError(f"{path} is empty; write one line per clip: path,label")
    if looks_like_json(path, text):
        return read_clip_json(path, text)
    lines = split_lines(text)
    remarks = sum(is_comment(line.lstrip()) for line in lines)
    if remarks:
        warnings.warn(f"{path}: {remarks} lines that begin with # and a blank are remarks, not clips", stacklevel=4)
    if remarks == sum(bool(line.strip()) for line in lines):
        raise UserError(f"{path} holds nothing but remarks; write one line per clip: path,label")
    return _read_delimited(path, text, is_there)


def _of_manifest(path: Path) -> Table:
    """Return the records of a manifest, whose clips are indexed once more."""
    table = read_as_written(path, tuple(COLUMNS)).fitted()
    frames = table.names.index("frames")
    # there 0 says that a count is not known, in a list that a clip has none
    rows = (
        Record(record.where, (*record.fields[:frames], "", *record.fields[frames + 1 :]))
        if record.fields[frames] == "0"
        else record
        for record in table.records
    )
    return Table(path, table.names, tuple(rows))


@dataclass(frozen=True)
class _Reading:
    """One way to read a list, and how well it fits."""

    table: Callable[[], Table]
    has_header: bool
    clips: float  # the share of records in which a clip stands
    divided: float  # the share of records with two fields or more

    @property
    def fit(self) -> tuple[bool, float, float]:
        return self.has_header, self.clips, self.divided


def _read_delimited(path: Path, text: str, is_there: IsThere) -> Table:
    lines = Lines(path, text, is_there)
    named = lines.header is not None
    readings: list[_Reading] = []
    problem: UserError | None = None
    for delimiter in (*DELIMITERS, " "):
        try:
            records = split_records(text, path, delimiter)
        except UserError as error:
            # that a first line is a header with this delimiter shows that no other is meant
            if _begins_with_header(text, path, delimiter, is_there):
                raise
            problem = problem or error
            continue
        # blanks are common in paths and classes, so they divide only where quotes say so
        if delimiter != " " or ('"' in text and _is_even(records)):
            readings.append(_divided(path, records, is_there))
    readings.append(_Reading(lines.table, named, lines.clips, lines.divided))
    best = max(readings, key=lambda reading: reading.fit)
    if problem is not None and not best.has_header and not best.clips:
        raise problem
    return best.table() if best.divided else lines.table()


def _begins_with_header(text: str, path: Path, delimiter: str, is_there: IsThere) -> bool:
    try:
        (record,) = split_records(next(line for line in split_lines(text) if line.strip()), path, delimiter)
    except (UserError, ValueError):
        return False
    known = is_blank_header if delimiter == " " else is_header
    return len(record.fields) > 1 and known(record.fields, is_there)


def _is_even(records: Sequence[Record]) -> bool:
    widths = {len(record.fields) for record in records}
    return len(widths) == 1 and min(widths) > 1


def _divided(path: Path, records: Sequence[Record], is_there: IsThere) -> _Reading:
    has_header = bool(records) and len(records[0].fields) > 1 and is_header(records[0].fields, is_there)
    looked_at = sample(records)
    clips = sum(
        len(record.fields) > 1 and any(is_media(field) or is_there(field) for field in record.fields)
        for record in looked_at
    )
    divided = sum(len(record.fields) > 1 for record in records)
    table = Table(path, (), tuple(records))
    shares = clips / max(1, len(looked_at)), divided / max(1, len(records))
    return _Reading(partial(_checked, table, has_header), has_header, *shares)


def _checked(table: Table, has_header: bool) -> Table:
    """Insist that each line of a list without a header has a delimiter, as others have."""
    for record in table.records:
        if len(record.fields) == 1 and not has_header:
            raise UserError(
                f"{record.where}: {record.fields[0]!r} is one field, where other lines have more; write path and "
                "label, and for a clip without a label the path and the delimiter"
            )
    return table
