"""Reading text files and the tables in them, for every list that users or data sets bring: one reader, exact places."""

import codecs
import csv
import io
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from recircle.errors import UserError

DELIMITERS = (",", ";", "\t", "|")
_HEAD = 65_536  # bytes that are enough for a header
# longer marks first, as one begins with another
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHER_FILES = {
    b"PK\x03\x04": "an Excel workbook or another archive; save the table as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the table as CSV",
    b"PAR1": "a Parquet table; name it .parquet",
    b"\x1f\x8b": "compressed; unpack it first",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a table.

    Attributes:
        where: the file and the line in which the record begins, in words ("list.csv, line 3").
        fields: its fields, without their quotes.
    """

    where: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """The records of a file.

    Attributes:
        source: the file.
        names: the header's names, or none where there is no header.
        records: all records but the header.
    """

    source: Path
    names: tuple[str, ...]
    records: tuple[Record, ...]

    def fitted(self) -> "Table":
        """Return the table with as many fields in each record as its header has; empty ones at the end do not count.

        Raises:
            UserError: a record has fewer or more.
        """
        return Table(self.source, self.names, tuple(_fitted(record, len(self.names)) for record in self.records))

    def rows(self) -> list[tuple[str, dict[str, str]]]:
        """Return each record by the names of the header, with the words that say where it stands."""
        return [(record.where, dict(zip(self.names, record.fields))) for record in self.records]


def _fitted(record: Record, width: int) -> Record:
    count = len(record.fields)
    if count == width:
        return record
    if count < width:
        fields = "1 field" if count == 1 else f"{count} fields"
        raise UserError(
            f"{record.where}: {fields} where the header has {width}; write the others, with nothing between the "
            "delimiters for those that are empty"
        )
    if any(record.fields[width:]):
        raise UserError(
            f"{record.where}: {count} fields where the header has {width}; put a field that holds the delimiter in "
            "double quotes"
        )
    return Record(record.where, record.fields[:width])


def read_text(path: Path, errors: str = "strict") -> str:
    """Return a text file's content: UTF-8, or what a byte-order mark says.

    Args:
        path: the file.
        errors: what happens to bytes that are not text, as for `bytes.decode`; names of files need not be Unicode.

    Raises:
        UserError: it is missing, not readable, or not text.
    """
    try:
        return _decode(path, path.read_bytes(), errors)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None


def _decode(path: Path, data: bytes, errors: str) -> str:
    for start, what in _OTHER_FILES.items():
        if data.startswith(start):
            raise UserError(f"{path} is {what}")
    mark, encoding = next((known for known in _MARKS if data.startswith(known[0])), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding, errors)
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; save it in that encoding") from None
    if "\0" in text:
        raise UserError(f"{path} is not UTF-8 text, as it holds zero bytes; save it in that encoding")
    # a line for a spreadsheet program, which stays as a blank one, so that the lines after it keep their numbers
    return re.sub(r'\A"?sep=[,;|\t]"?(?=[\r\n])', "", text)


def split_lines(text: str) -> list[str]:
    """Return the lines of a text, which end in LF, CR LF or CR, and in no other character."""
    return [line.rstrip("\r\n") for line in io.StringIO(text, newline="")]


def read_lines(path: Path) -> list[tuple[str, str]]:
    """Return the lines that are not blank, each with the words that say where it stands."""
    lines = enumerate(split_lines(read_text(path)), 1)
    return [(f"{path}, line {number}", line.strip()) for number, line in lines if line.strip()]


def is_comment(line: str) -> bool:
    """Tell whether a line of a list is a remark: a hash, and then a blank or nothing."""
    return line.startswith("#") and line[1:2].strip() == ""


def split_records(text: str, source: Path, delimiter: str, *, exact: bool = False) -> list[Record]:
    """Return the records of a table that are not blank.

    Args:
        text: the table; a quoted field may hold delimiters, doubled quotes and ends of lines.
        source: the file that errors name.
        delimiter: one character.
        exact: keep blanks around fields, and lines that look like remarks: for tables that this package has written.

    Raises:
        UserError: a quote is not closed, or goes on after its end; the message names the line.
    """
    try:
        return list(_records(text, source, delimiter, exact))
    except UserError:
        # blanks between a closing quote and the delimiter: some people align their columns
        closed = re.sub(rf'"[ ]+(?={re.escape(delimiter)}|[\r\n]|\Z)', '"', text)
        if exact or closed == text:
            raise
        return list(_records(closed, source, delimiter, exact))


def _records(text: str, source: Path, delimiter: str, exact: bool) -> list[Record]:
    # a remark keeps its line, so that the lines after it keep their numbers
    lines = ["\n" if not exact and is_comment(line.lstrip()) else line for line in io.StringIO(text, newline="")]
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=not exact)
    records: list[Record] = []
    line = 1
    try:
        for fields in reader:
            kept = tuple(fields) if exact else tuple(field.strip() for field in fields)
            if any(kept):
                records.append(Record(f"{source}, line {line}", kept))
            line = reader.line_num + 1
    except csv.Error as error:
        reason = "a quote is not closed" if "unexpected end" in str(error) or "field larger" in str(error) else error
        raise UserError(
            f"{source}, line {line}: is not a CSV table: {reason}; put a field with a delimiter or a quote in double "
            "quotes, and double the quotes in it"
        ) from None
    return records


def open_table(path: Path, known: Collection[str], *, exact: bool = False) -> Table:
    """Return a table with a header, whatever character delimits it; its records may be of any width.

    Args:
        path: the file.
        known: names of columns; the delimiter that finds most of them in the header is taken, and where none is known,
            the one that fits all records.
        exact: as in `split_records`; names of files need not be Unicode then.

    Raises:
        UserError: it cannot be read, or a quote is wrong.
    """
    text = read_text(path, "surrogateescape" if exact else "strict")
    delimiter = _delimiter_of_header(_first_line(text), known) if known else find_delimiter(text, path)
    records = split_records(text, path, delimiter, exact=exact)
    return Table(path, records[0].fields if records else (), tuple(records[1:]))


def read_table(path: Path, needed: Collection[str] = ()) -> Table:
    """Return a table with a header that has the columns `needed`.

    Raises:
        UserError: it cannot be read, lacks a column or has one twice, or a record has another number of fields than the
            header.
    """
    table = open_table(path, needed)
    for name in needed:
        if name not in table.names:
            raise UserError(
                f"{path}: column {name!r} is missing (found: {', '.join(table.names) or 'none'}); take the list that "
                "came with the data set"
            )
        if table.names.count(name) > 1:
            raise UserError(f"{path}: column {name!r} is there twice; remove one of the two")
    return table.fitted()


def find_delimiter(text: str, source: Path) -> str:
    """Return the delimiter that divides all records of a table alike, or else most of them; a comma where none does."""
    return max(DELIMITERS, key=lambda delimiter: _evenness(text, source, delimiter))


def _evenness(text: str, source: Path, delimiter: str) -> tuple[bool, int]:
    try:
        widths = [len(record.fields) for record in split_records(text, source, delimiter)]
    except UserError:
        return False, 0
    return min(widths, default=1) > 1 and len(set(widths)) == 1, sum(width > 1 for width in widths)


def unquote(text: str) -> str:
    """Return a name without the pair of quotes that it may stand in."""
    inner = text.strip()
    if len(inner) > 1 and inner[0] == inner[-1] == '"':
        return inner[1:-1].replace('""', '"').strip()
    return inner


def has_columns(path: Path, needed: Collection[str]) -> bool:
    """Tell whether a file is a table whose header has these columns; only its beginning is read."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = _first_line(_decode(path, file.read(_HEAD), "replace"))
        records = split_records(head, path, _delimiter_of_header(head, needed))
    except (OSError, UserError):
        return False
    return bool(records) and set(needed) <= set(records[0].fields)


def _first_line(text: str) -> str:
    """Return the first line that says anything, which is where a header stands."""
    lines = (line for line in io.StringIO(text, newline="") if line.strip() and not is_comment(line.lstrip()))
    return next(lines, "")


def _delimiter_of_header(header: str, needed: Collection[str]) -> str:
    def known(delimiter: str) -> int:
        try:
            records = split_records(header, Path(), delimiter)
        except UserError:
            return 0
        return len(set(needed).intersection(records[0].fields)) if records else 0

    return max(DELIMITERS, key=known)
