"""What files of class names hold: one name a line, numbered or not, a table, or JSON."""

import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from recircle.errors import UserError
from recircle.layouts.columns import plain_name, roles_of
from recircle.layouts.tables import parse_json
from recircle.manifest.text_table import DELIMITERS, Record, Table, is_comment, split_lines, split_records, unquote

_NUMBER_NAMES = frozenset(
    ["id", "index", "idx", "number", "num", "no", "key", "nr", "code", "label", "class", "y", "target"]
)
_ALONE = frozenset(["label", "labels", "class", "classes", "classname", "labelname"])
_NAME_NAMES = frozenset(["name", "names", "title", "display", "displayname", "text"])
# between the number of a class and its name; a blank alone may belong to a name that has a number
_MARKS = r"\s*[:;,|=\t]\s*|\s+-\s+|\s*->\s*|\s+"
_LEADING = re.compile(rf"(?P<number>[0-9]+)(?P<mark>[.)]\s+|{_MARKS})(?P<name>\S.*)")
# "[1] Archery", "#1 Archery", "class 1: Archery", "A1. Archery", "001.Archery", and digits and points of other scripts
_ORDINAL = re.compile(
    r"(?P<before>[^\W\d_]*\s?[\[(#]?)(?P<number>\d+)(?P<mark>[\])]\s*|[.)\uff0e\u3001]\s*|\s*[:\uff1a]\s*|\s+-\s+|\s+)(?P<name>\D.*)"
)
_TRAILING = re.compile(rf"(?P<name>.*?\S)(?P<mark>{_MARKS})(?P<number>[0-9]+)")
CHOOSE = "number the lines in full (`1: Archery`, or a table with the header id,name)"

Entry = tuple[str, int, str]
"""Where a class stands, its number and its name."""


def is_json(text: str, path: Path) -> bool:
    """Tell whether a text is JSON, also where it has another fault, such as a key that is there twice."""
    try:
        parse_json(text, str(path))
    except UserError as error:
        return "is not JSON" not in str(error)
    return True


def _counted(lines: Iterable[tuple[str, str]]) -> list[Entry]:
    return [(where, number, name) for number, (where, name) in enumerate(lines)]


def read_json(path: Path, content: Any) -> tuple[list[Entry], bool]:
    """Return the classes that JSON holds, and whether it gives them numbers.

    Raises:
        UserError: it is empty or of another form, or it is not clear which are the numbers.
    """
    if isinstance(content, dict | list) and not content:
        raise UserError(f"{path} is empty; write the classes")
    if isinstance(content, dict):
        # the names that a library of networks gives to the two directions
        for key in ("id2label", "label2id"):
            if isinstance(content.get(key), dict):
                return read_json(path, content[key])
        # and those under which annotations of clips or images list their classes
        for key in ("names", "classes", "labels", "categories"):
            if isinstance(content.get(key), dict | list):
                return read_json(path, content[key])
        keys = [_whole(key) for key in content]
        values = [_whole(value) for value in content.values()]
        by_name = None not in values
        if by_name and None not in keys:
            raise UserError(
                f"{path}: both keys and values are numbers, so it is not clear which are the classes; {CHOOSE}"
            )
        pairs = zip(content, values) if by_name else zip(content.values(), keys)
        entries = [
            (str(path), number, unquote(name)) for name, number in pairs if number is not None and isinstance(name, str)
        ]
        if len(entries) == len(content):
            return entries, True
    elif isinstance(content, list):
        if all(isinstance(entry, str) for entry in content):
            return _counted((f"{path}, entry {number}", unquote(name)) for number, name in enumerate(content, 1)), False
        if all(isinstance(entry, dict) for entry in content):
            names = tuple(dict.fromkeys(key for entry in content for key in entry))
            records = [
                Record(f"{path}, entry {number}", tuple(str(entry.get(name, "")) for name in names))
                for number, entry in enumerate(content, 1)
            ]
            return _from_table(Table(path, names, tuple(records)))
        if all(isinstance(entry, list) and len(entry) == 2 for entry in content):
            records = [
                Record(f"{path}, entry {number}", tuple(map(str, entry))) for number, entry in enumerate(content, 1)
            ]
            return _from_pairs(path, records)
    raise UserError(
        f"{path}: a JSON object of classes and their numbers is wanted, such as "
        '{"Archery": 0, "Bowling": 1}, or of numbers and classes, or a list of names'
    )


def _whole(value: Any) -> int | None:
    """Return a number of a class, as JSON has it, or None if it is none."""
    if isinstance(value, bool):
        return None
    if not isinstance(value, int | float | str):
        return None
    found = re.fullmatch(r"([0-9]+)(?:\.0+)?", str(value).strip())
    return int(found[1]) if found else None


def read_lines_or_table(path: Path, text: str) -> tuple[list[Entry], bool]:
    """Return the classes of a text with one name per line, or of a table, and whether it gives them numbers.

    Raises:
        UserError: it is not clear which are the numbers, or only some of the classes have one.
    """
    remarks = sum(is_comment(line.lstrip()) for line in split_lines(text))
    if remarks:
        warnings.warn(f"{path}: {remarks} lines that begin with # and a blank are remarks, not classes", stacklevel=6)
    for delimiter in DELIMITERS:
        try:
            records = split_records(text, path, delimiter)
        except UserError:
            continue
        if records and len(records[0].fields) > 1 and _is_header(records):
            return _from_table(Table(path, records[0].fields, tuple(records[1:])).fitted())
        widths = {len(record.fields) for record in records}
        if len(widths) == 1 and len(records) > 1 and not any(record.fields[-1] for record in records):
            # a delimiter ends each line
            records = [Record(record.where, record.fields[:-1]) for record in records]
            if widths == {2}:
                return _from_lines(path, [(record.where, record.fields[0]) for record in records])
            widths = {max(widths) - 1}
        if len(widths) > 1 or max(widths, default=1) == 1:
            continue
        numeric = [all(_whole(record.fields[n]) is not None for record in records) for n in range(max(widths))]
        if any(numeric) and widths == {2}:
            return _from_pairs(path, records)
        if any(numeric) and len(records) > 1:
            raise UserError(
                f"{path}: {len(numeric)} columns without a header, so it is not clear which holds the names of the "
                "classes; write a header, such as id,name,count"
            )
    lines = [
        (f"{path}, line {number}", line.strip())
        for number, line in enumerate(split_lines(text), 1)
        if line.strip() and not is_comment(line.strip())
    ]
    entries, is_numbered = _from_lines(path, lines)
    if not is_numbered and re.search(r"\S[^\S\n]*\n[^\S\n]*\n\s*\S", text):
        warnings.warn(f"{path}: blank lines among the classes are left out, and are not counted", stacklevel=6)
    return entries, is_numbered


def _from_lines(path: Path, lines: list[tuple[str, str]]) -> tuple[list[Entry], bool]:
    """Read lines that hold a class each, with or without its number."""
    if len(lines) > 1 and _names_columns(lines[0][1]):
        warnings.warn(f"{lines[0][0]}: {lines[0][1]!r} is read as a header, not as a class", stacklevel=6)
        del lines[0]
    if (
        len(lines) > 1
        and all(line[0] == lines[0][1][0] and line[1:2] == " " for _, line in lines)
        and lines[0][1][0] in "-*+"
    ):
        warnings.warn(f"{path}: {lines[0][1][0]!r} before each line is not part of the names", stacklevel=6)
        lines = [(where, line[2:].strip()) for where, line in lines]
    return _numbered(path, lines) or (_counted((where, unquote(line)) for where, line in lines), False)


def _names_columns(line: str) -> bool:
    """Tell whether a line without a delimiter is a header: of names alone, or of numbers and names."""
    words = line.split()
    if len(words) == 1:
        return plain_name(line) in _NAME_NAMES | _ALONE
    numbers, classes = [_is_number_name(word) for word in words], [_is_class_name(word) for word in words]
    return len(words) == 2 and ((numbers[0] and classes[1]) or (classes[0] and numbers[1]))


def _is_header(records: Sequence[Record]) -> bool:
    """Tell whether a first record names columns: by known names, or as it has no number where all others have."""
    first, *rest = records
    known = [_is_number_name(field) or _is_class_name(field) for field in first.fields]
    if not rest or any(field.isdigit() for field in first.fields):
        return False
    width = len(first.fields)
    numbers = any(all(len(r.fields) > n and r.fields[n].isdigit() for r in rest) for n in range(width))
    return sum(known) > 1 or (numbers and (any(known) or all(len(record.fields) == width for record in rest)))


def _is_number_name(name: str) -> bool:
    return plain_name(name) in _NUMBER_NAMES or any(role == "number" for role, _ in roles_of(name))


def _is_class_name(name: str) -> bool:
    return plain_name(name) in _NAME_NAMES or any(role == "label" for role, _ in roles_of(name))


def _from_table(table: Table) -> tuple[list[Entry], bool]:
    """Read a table with a header: the column of numbers and that of names, each by its name and what it holds."""
    names, records = table.names, table.records
    columns = range(len(names))
    numeric = [n for n in columns if records and all(_whole(record.fields[n]) is not None for record in records)]
    # a table that some tools write has the numbers of its rows in a column without a name
    numbers = [n for n in numeric if _is_number_name(names[n])] or [n for n in numeric if not names[n]]
    if not numbers and len(names) == 2 and len(numeric) == 1:
        # whatever it is called, in whatever language, but not counts of clips
        values = sorted(_whole(record.fields[numeric[0]]) or 0 for record in records)
        numbers = numeric if values in (list(range(len(values))), list(range(1, len(values) + 1))) else []
    others = [n for n in columns if n not in numeric]
    classes = [n for n in others if _is_class_name(names[n])] or (others if len(others) == 1 else [])
    # the plain word, among those that are known
    numbers = [n for n in numbers if plain_name(names[n]) in ("id", "index", "classindex", "classid", "labelid")][
        :1
    ] or numbers
    classes = [n for n in classes if plain_name(names[n]) in ("name", "classname", "labelname")][:1] or classes
    if len(classes) != 1 or len(numbers) > 1 or (not numbers and len(numeric) > 1):
        raise UserError(
            f"{table.source}: of the columns {', '.join(map(repr, names))} it is not clear which holds the numbers and "
            "which the names of the classes; call them id and name"
        )
    name = classes[0]
    if not numbers:
        if numeric or any(_is_number_name(names[n]) for n in others):
            raise UserError(
                f"{table.source}: no column holds whole numbers alone; call it id, and give each class its number"
            )
        warnings.warn(
            f"{table.source}: column {names[name]!r} holds the classes; they are counted from 0", stacklevel=6
        )
        return _counted((record.where, unquote(record.fields[name])) for record in records), False
    number = numbers[0]
    if (plain_name(names[number]), plain_name(names[name])) != ("id", "name"):
        columns_read = f"column {names[number]!r} is read as the number and {names[name]!r} as the name of each class"
        warnings.warn(
            f"{table.source}: {columns_read}",
            stacklevel=6,
        )
    return [(r.where, _whole(r.fields[number]) or 0, unquote(r.fields[name])) for r in records], True


def _from_pairs(path: Path, records: Sequence[Record]) -> tuple[list[Entry], bool]:
    """Read two columns without a header, one of which holds numbers."""
    numeric = [n for n in (0, 1) if all(_whole(record.fields[n]) is not None for record in records)]
    if len(numeric) == 1:
        number = numeric[0]
        return [(r.where, _whole(r.fields[number]) or 0, unquote(r.fields[1 - number])) for r in records], True
    what = "both columns hold" if numeric else "no column holds"
    raise UserError(f"{path}: {what} numbers alone, so it is not clear which are the numbers of the classes; {CHOOSE}")


def _numbered(path: Path, lines: Sequence[tuple[str, str]]) -> tuple[list[Entry], bool] | None:
    """Read lines that all begin, or all end, in a number of their class; None if they do not."""
    ordinals = [_ORDINAL.fullmatch(line) for _, line in lines]
    if len(lines) > 1 and all(ordinals) and not any(_LEADING.fullmatch(line) for _, line in lines):
        entries = [
            (where, int(part["number"]), part["name"].strip()) for (where, _), part in zip(lines, ordinals) if part
        ]
        counted = [number for _, number, _ in entries]
        before = {part["before"].casefold() for part in ordinals if part}
        # "level 1 easy" has no mark, so that the number may be of the name
        is_marked = all(part["mark"].strip() or part["before"] == "#" for part in ordinals if part)
        if is_marked and len(before) == 1 and counted in (list(range(len(lines))), list(range(1, len(lines) + 1))):
            where, number, name = entries[0]
            warnings.warn(f"{where}: read as class number {number}, {name!r}, and so on", stacklevel=7)
            return entries, True
    for pattern in (_LEADING, _TRAILING):
        parts = [pattern.fullmatch(line) for _, line in lines]
        found = [part for part in parts if part is not None]
        if not found:
            continue
        entries = [
            (where, int(part["number"]), unquote(part["name"])) for (where, _), part in zip(lines, parts) if part
        ]
        numbers = [number for _, number, _ in entries]
        is_marked = all(part["mark"].strip() or "\t" in part["mark"] for part in found)
        if len(found) < len(lines):
            # most lines in the order of their numbers: those without one were forgotten
            in_order = sum(int(part["number"]) - at in (-1, 0, 1) for at, part in enumerate(parts) if part)
            if len(found) > 1 and in_order > 0.6 * len(lines):
                where, line = next(pair for pair, part in zip(lines, parts) if part is None)
                raise UserError(f"{where}: {line!r} has no number, and other lines have; number all of them or none")
            continue
        names = {name for _, _, name in entries}
        is_run = sorted(numbers) in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))
        if len(names) == 1 < len(entries):
            return None  # "gesture 1", "gesture 2": the numbers tell the names apart
        if is_marked or is_run:
            if not is_marked and len(names) < len(entries):
                raise UserError(
                    f"{path}: without their numbers several lines name the same class ({lines[0][1]!r}, ...), so that "
                    f"they may be parts of the names or wrong; {CHOOSE}, numbers of names included"
                )
            if not is_marked:
                where, number, name = entries[0]
                warnings.warn(f"{where}: read as class number {number}, {name!r}, and so on", stacklevel=7)
            return entries, True
        # several classes may begin with the same number of something, such as 3
        distinct = len(set(numbers)) / len(numbers)
        if distinct == 1 or (distinct > 0.5 and pattern is _LEADING):
            place = "begins" if pattern is _LEADING else "ends"
            raise UserError(
                f"{path}: each line {place} with a number, which may be that of the class or belong to its name "
                f"({lines[0][1]!r}); {CHOOSE}, numbers of names included"
            )
    return None
