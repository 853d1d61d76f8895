"""Which column of a user's list holds what: by the names of a header, or without one by what stands in the columns."""

import difflib
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from recircle.decode.media import is_media
from recircle.decode.part import read_time
from recircle.errors import UserError
from recircle.layouts.tables import SPLITS
from recircle.manifest.manifest import COLUMNS
from recircle.manifest.text_table import Record, Table

Role = Literal["path", "label", "number", "split", "group", "parent", "dataset", "frames", "start", "end"]
IsThere = Callable[[str], bool]
T = TypeVar("T")
ORDER: tuple[Role, ...] = ("path", "label", "split", "group", "parent")
"""The columns of a list without a header."""
# marks around all fields of a column that CSV does not know as quotes
_PAIRS = ("''", "\u2018\u2019", "\u201c\u201d", "\u201e\u201c", "\u201d\u201d", "\xab\xbb", "``")
_SAMPLE = 200  # records that are looked at to tell what a column holds

# the names of each role, those that say it best in the first row; written without blanks, underscores and capitals
_NAMES: Mapping[Role, tuple[str, ...]] = {
    "path": (
        "path paths videopath clippath filepath fullpath relativepath relpath abspath mediapath videofilepath imagepath"
        " framespath framepath framedir framesdir framefolder framesfolder videodir clipdir folderpath",
        "file files filename filenames fname videofile videofilename clipfile clipfilename mediafile video videos clip"
        " clips media uri url src",
        "videoname clipname videoid clipid vid vidname youtubeid ytid sampleid samplename folder directory dir",
        "id uid name",
    ),
    "label": (
        "label labels labelname classlabel class classes classname category categories categoryname action actions"
        " actionname actionlabel actionclass activity activityname gesture gesturename target targetname tag tags"
        " gloss word template finelabel finegrainedclass groundtruth gt cls y",
    ),
    "number": (
        "labelid labelindex labelidx labelnumber labelnum labelno classid classindex classidx classnumber classnum"
        " classno targetid targetindex categoryid categoryindex actionid actionindex actionnumber activityid gestureid"
        " labelencoded",
    ),
    "split": ("split splits datasplit subset partition usage phase", "set fold dataset mode"),
    "group": ("group groups", "subject subjectid person personid actor actorid participant speaker signer performer"),
    "parent": ("parent family coarselabel coarseclass coarsegrainedclass superclass supercategory supclass",),
    "dataset": ("dataset",),
    "frames": (
        "frames numframes nframes framecount framescount nbframes totalframes numberofframes nofframes numframe"
        " framenum lenframes",
    ),
    "start": (
        "start begin onset tstart timestart starttime startframe framestart startsec startseconds tbegin firstframe"
        " beginframe startsecond beginseconds startms",
    ),
    "end": (
        "end stop offset tend timeend endtime endframe frameend endsec endseconds tstop stopframe stoptime lastframe"
        " endsecond endms",
    ),
}
_ROLES: dict[str, list[tuple[Role, int]]] = {}
for _role, _ranks in _NAMES.items():
    for _rank, _words in enumerate(_ranks):
        for _word in _words.split():
            _ROLES.setdefault(_word, []).append((_role, _rank))
_KNOWN = "path (or video_path, file, filename, ...), label (or class, category, label_id, ...), split, group, parent"


@dataclass(frozen=True)
class Columns:
    """The columns of a list by their roles.

    Attributes:
        table: the list's records, each as wide as the last column that is read.
        roles: the number of the column of each role.
        of_manifest: whether the list is a manifest.
    """

    table: Table
    roles: Mapping[Role, int]
    of_manifest: bool = False

    def value(self, record: Record, role: Role) -> str:
        """Return a record's field of a role, empty where there is no such column or the record ends before it."""
        column = self.roles.get(role)
        return record.fields[column] if column is not None and column < len(record.fields) else ""


def sample(items: Sequence[T], most: int = 1000) -> Sequence[T]:
    """Return a thousand items at most, from all over a list, to tell how the list is meant."""
    return items[:: max(1, -(-len(items) // most))]


def plain_name(name: str) -> str:
    """Return the name of a column without what people write differently: case, blanks, underscores, hyphens."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name)).casefold()


def roles_of(name: str) -> list[tuple[Role, int]]:
    """Return what a column of this name can hold, each with a rank, 0 for the name that says it best."""
    return _ROLES.get(plain_name(name), [])


def find_header(table: Table, is_there: IsThere) -> Table:
    """Return the list with its first record taken as the header, if it is one.

    Raises:
        UserError: the first record is, or may be, a header whose names are not known.
    """
    if table.names or not table.records:
        return table
    first, *rest = table.records
    if is_header(first.fields, is_there):
        names = first.fields
        if rest and all(re.fullmatch(":?-+:?", field) for field in rest[0].fields if field):
            del rest[0]  # the line below the header of a table in Markdown
        kept = tuple(record for record in rest if record.fields != names)
        if len(kept) < len(rest):
            warnings.warn(
                f"{table.source}: the header stands {len(rest) - len(kept) + 1} times, and is not a clip", stacklevel=4
            )
        return Table(table.source, names, kept)
    later = next((record for record in rest[:3] if len(record.fields) > 1 and is_header(record.fields, is_there)), None)
    if later is not None and not any(is_media(field) or is_there(field) for field in first.fields):
        raise UserError(f"{later.where}: looks like the header, which must be the first line; remove what is above it")
    if any(is_media(field) or "/" in field or "\\" in field for field in first.fields):
        return table
    _refuse_unknown_header(first, rest[:_SAMPLE], is_there)
    return table


def without_quotes(table: Table) -> Table:
    """Return the list without the single or curly quotes that all fields of a column stand in."""
    width = max((len(record.fields) for record in table.records), default=0)
    quoted = {column: pair for column in range(width) if (pair := _pair(_values(table, column)))}
    if not quoted:
        return table

    def bare(field: str, column: int) -> str:
        return field[1:-1].strip() if field and column in quoted else field

    records = (Record(r.where, tuple(bare(field, n) for n, field in enumerate(r.fields))) for r in table.records)
    return Table(table.source, table.names, tuple(records))


def _pair(values: set[str]) -> str:
    """Return the quotes that all values stand in, "" if there are none."""
    return next((pair for pair in _PAIRS if values and all(_is_in(value, pair) for value in values)), "")


def _is_in(value: str, pair: str) -> bool:
    return len(value) > 1 and value[0] == pair[0] and value[-1] == pair[1]


def is_header(fields: Sequence[str], is_there: IsThere) -> bool:
    """Tell whether a first record is a header with known names."""
    roles = [roles_of(field) for field in fields]
    paths = [field for field, known in zip(fields, roles) if any(role == "path" for role, _ in known)]
    if not paths or any(is_media(field) for field in fields):
        return False
    # a folder of clips may bear a name such as "clips"
    return sum(map(bool, roles)) > 1 or not any(is_there(field) for field in paths)


def is_blank_header(words: Sequence[str], is_there: IsThere) -> bool:
    """Tell whether words between blanks, which may belong to one name, are a header: all of them have to be known."""
    return len(words) > 1 and all(map(roles_of, words)) and is_header(words, is_there)


def _refuse_unknown_header(first: Record, rest: Sequence[Record], is_there: IsThere) -> None:
    known = [field for field in first.fields if roles_of(field)]
    there = [is_there(field) for field in first.fields]
    column = _path_column(rest, is_there)
    cells = [record.fields[column] for record in rest if column < len(record.fields)]
    suffixed = sum(map(is_media, cells)) > 0.8 * len(cells)
    found = all(map(is_there, cells))
    numbers = [
        all(n < len(record.fields) and record.fields[n].isdigit() for record in rest) and not field.isdigit()
        for n, field in enumerate(first.fields)
    ]
    if any(there) or not ((rest and (suffixed or found or any(numbers))) or known):
        return
    raise UserError(
        f"{first.where}: {', '.join(first.fields)!r} looks like a header, and names no column of paths that is known; "
        f"known are {_KNOWN}; if it is a clip, write the header path,label above it"
    )


def assign(table: Table, is_there: IsThere) -> Columns:
    """Find the columns of a list, and say what was guessed.

    Raises:
        UserError: no column of paths, or of labels, is known, several could be, or a record does not fit.
    """
    return _by_names(table, is_there) if table.names else _by_contents(table, is_there)


def _by_names(table: Table, is_there: IsThere) -> Columns:
    names, where = table.names, f"{table.source}, line 1"
    table = table.fitted()
    for name in names:
        if name and names.count(name) > 1:
            raise UserError(f"{where}: column {name!r} is there twice; remove one of the two")
    found: dict[Role, list[tuple[int, int]]] = {role: [] for role in get_args(Role)}
    for column, name in enumerate(names):
        for role, rank in roles_of(name):
            found[role].append((rank, column))
    roles: dict[Role, int] = {"path": _choose_path(table, found["path"], is_there, where)}
    labels = [column for _, column in found["label"] if column != roles["path"]]
    numbers = [column for _, column in found["number"]]
    roles |= _choose_label(table, labels, numbers, where)
    for role in ("split", "group", "parent", "dataset", "frames", "start", "end"):
        column = _choose(table, role, [c for c in sorted(found[role]) if c[1] not in roles.values()])
        if column is not None:
            roles[role] = column
    # what `recircle index` finds out itself, in a manifest that is indexed again, is not taken over
    of_manifest = {"frames", "status"} <= set(names)
    if of_manifest:
        roles.pop("frames", None)
    taken = {*roles.values(), *labels, *numbers}
    left = [name for column, name in enumerate(names) if name and column not in taken]
    left = [name for name in left if not (of_manifest and name in COLUMNS)]
    if "label" not in roles:
        _refuse_misspelt(left, where)
    _tell_columns(table, roles, left, of_manifest)
    return Columns(table, roles, of_manifest)


def _refuse_misspelt(left: Sequence[str], where: str) -> None:
    """Insist that no column of a list without labels is one of labels but for its spelling."""
    words = " ".join((*_NAMES["label"], *_NAMES["number"])).split()
    for name in left:
        if difflib.get_close_matches(plain_name(name), words, n=1, cutoff=0.75):
            raise UserError(
                f"{where}: column {name!r} is unknown; known are path, label, split, group, parent and other words for "
                "them (class, category, action, label_id, ...); name the column of the classes so, or give it a name "
                "that is further away"
            )


def _tell_columns(table: Table, roles: Mapping[Role, int], left: Sequence[str], of_manifest: bool) -> None:
    renamed = [
        f"{table.names[column]!r} is read as the {'number of the label' if role == 'number' else role}"
        for role, column in roles.items()
        if plain_name(table.names[column]) not in (role, f"{role}s", f"{role}frame")
    ]
    words = renamed + ([f"not used: {', '.join(map(repr, left))}"] if left else [])
    if left and "label" not in roles:
        words.append("none holds the classes (if one does, call it label)")
    if words and not of_manifest:
        warnings.warn(f"{table.source}: of its columns, {'; '.join(words)}", stacklevel=5)


def _choose_path(table: Table, found: list[tuple[int, int]], is_there: IsThere, where: str) -> int:
    if not found:
        raise UserError(
            f"{where}: none of the columns {', '.join(map(repr, table.names))} is known to hold the paths; known names "
            f"are {_KNOWN}"
        )
    best = [column for rank, column in sorted(found) if rank == min(found)[0]]
    if len(best) > 1:
        sample = table.records[:_SAMPLE]
        counts = {column: sum(is_there(record.fields[column]) for record in sample) for column in best}
        leading = [column for column in best if counts[column] == max(counts.values())]
        if len(leading) > 1 and not _same(table, leading):
            names = " and ".join(repr(table.names[column]) for column in leading)
            raise UserError(
                f"{where}: the columns {names} may both hold the paths; name one of them path and rename the other"
            )
        return leading[0]
    return best[0]


def _choose_label(table: Table, labels: list[int], numbers: list[int], where: str) -> dict[Role, int]:
    """Return the column of class names and that of class numbers, whichever there are."""
    numeric = [column for column in labels if _is_numeric(table, column)]
    named = [column for column in labels if column not in numeric]
    for columns in (named, numbers + numeric):
        if len(columns) > 1 and not _same(table, columns):
            names = " and ".join(repr(table.names[column]) for column in columns)
            raise UserError(
                f"{where}: the columns {names} may both hold the class, and differ; name the one that is meant label, "
                "and give the other a name of its own, such as parent"
            )
    roles: dict[Role, int] = {}
    if named:
        roles["label"] = named[0]
        for column in (numbers + numeric)[:1]:
            _check_agree(table, named[0], column)
            roles["number"] = column
    elif numbers or numeric:
        roles["label"] = (numeric + numbers)[0]
    return roles


def _check_agree(table: Table, name: int, number: int) -> None:
    """Insist that each class name goes with one number, and each number with one name."""
    seen: dict[tuple[int, str], tuple[str, str]] = {}
    for record in table.records:
        pair = record.fields[name], record.fields[number]
        if not all(pair):
            continue
        for column, one, other in ((name, *pair), (number, *reversed(pair))):
            before, at = seen.setdefault((column, one), (other, record.where))
            if before != other:
                raise UserError(
                    f"{record.where}: {table.names[column]} {one!r} goes with {other!r} here and with {before!r} in "
                    f"{at.rpartition(', ')[2]}, so the columns {table.names[name]!r} and {table.names[number]!r} "
                    "contradict each other; remove the one that is wrong"
                )


def _choose(table: Table, role: Role, found: list[tuple[int, int]]) -> int | None:
    """Return the column of a role that a list need not have; the best name wins, and what cannot be it is left out."""
    if role == "split":
        # a set or fold may be a number of its own
        found = [(rank, column) for rank, column in found if rank == 0 or _holds_splits(table, column)]
    elif role == "dataset" and found and _holds_splits(table, found[0][1]):
        return None
    elif role == "frames":
        found = [(rank, column) for rank, column in found if _is_numeric(table, column)]
    elif role in ("start", "end"):
        found = [(rank, column) for rank, column in found if _holds_times(table, column)]
    if not found or (len(found) > 1 and found[0][0] == found[1][0]):
        return None
    return found[0][1]


def _by_contents(table: Table, is_there: IsThere) -> Columns:
    records = table.records
    width = max((len(record.fields) for record in records), default=0)
    long = next((record for record in records if len(record.fields) > len(ORDER)), None)
    if long is not None:
        raise UserError(
            f"{long.where}: {len(long.fields)} fields; write {', '.join(ORDER)}, or a header that names the columns, "
            "and put a field that holds the delimiter in double quotes"
        )
    column = _path_column(records[:_SAMPLE], is_there)
    if column == 0:
        _check_order(table, width)
        return Columns(table, dict(zip(ORDER, range(width))))
    if width == 2:
        warnings.warn(
            f"{table.source}: without a header, column 1 is read as the label and column 2 as the path, as "
            "clips are named there",
            stacklevel=5,
        )
        return Columns(table, {"label": 0, "path": 1})
    raise UserError(
        f"{records[0].where}: column {column + 1} holds the paths, and without a header the order is "
        f"{', '.join(ORDER)}; write a header that names the columns"
    )


def _check_order(table: Table, width: int) -> None:
    """Insist that the columns after the path are not in another order than ours, where that can be seen."""

    def holds_splits(column: int) -> bool:
        return _holds_splits(table, column)

    if width == 2 and holds_splits(1):
        raise UserError(
            f"{table.records[0].where}: column 2 holds nothing but names of splits, which may be the classes or the "
            "splits; write the header path,label or path,split"
        )
    if width > 2 and holds_splits(1) and not holds_splits(2):
        raise UserError(
            f"{table.records[0].where}: column 2 holds the splits, and without a header the order is "
            f"{', '.join(ORDER)}; write a header, such as path,split,label"
        )


def _path_column(records: Sequence[Record], is_there: IsThere) -> int:
    """Return the column with most different clips in it; the first, where none has more."""
    width = max((len(record.fields) for record in records), default=1)
    counts = []
    for column in range(width):
        cells = {record.fields[column] for record in records if column < len(record.fields)}
        counts.append(sum(is_media(cell) or is_there(cell) for cell in cells))
    return counts.index(max(counts))


def _values(table: Table, column: int) -> set[str]:
    values = {record.fields[column] for record in table.records if column < len(record.fields)}
    return values - {""}


def _holds_splits(table: Table, column: int) -> bool:
    values = _values(table, column)
    return bool(values) and all(value.lower() in SPLITS for value in values)


def _is_numeric(table: Table, column: int) -> bool:
    values = _values(table, column)
    return bool(values) and all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in values)


def _holds_times(table: Table, column: int) -> bool:
    values = _values(table, column)
    return bool(values) and all(read_time(value.removeprefix("-")) is not None for value in values)


def _same(table: Table, columns: Sequence[int]) -> bool:
    return all(len({record.fields[column] for column in columns}) == 1 for record in table.records)
