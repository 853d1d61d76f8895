"""A list of clips: `path,label[,split,group,parent]`, `path label`, `path frames label` or `path start end label`."""

import csv
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recircle.data.layouts.something_v2 import read_labels as read_json_labels
from recircle.data.layouts.tables import SPLITS, check_label, read_lines, read_text
from recircle.data.manifest import COLUMNS, Clip, relative_path
from recircle.data.media import is_media
from recircle.errors import UserError

_FIELDS = ("path", "label", "split", "group", "parent")
_DELIMITERS = (",", ";", "\t")
Row = Mapping[str, str]


def matches(folder: Path) -> bool:
    """Tell whether this is a file, which can only be a list."""
    return folder.is_file()


def find(folder: Path, labels: Path | None = None) -> list[Clip]:
    """List the clips that a file names.

    Fields stand between commas, semicolons or tabs, with a header or in the order path, label, split, group, parent;
    or between blanks, ending in numbers: a class number, before it a count of frames, or a first and a last frame.
    Paths are relative to the list's folder. A path of another machine is looked for there by its last parts, and a path
    without a suffix by the name of a video.

    Args:
        folder: the list, .csv or .txt.
        labels: class names, one a line in the order of their numbers, or a JSON object of names and numbers.

    Raises:
        UserError: a line is malformed, or its class is unknown.
    """
    rows = _read_fields(folder)
    classes = _Classes.read(labels) if labels is not None else None
    places = _Places(folder.parent)
    split = _split_of_name(folder)
    clips = [
        Clip(
            path=places.find(row["path"]),
            label=classes.name(row.get("label", ""), where) if classes else row.get("label", ""),
            split=_normalise_split(row.get("split") or split, where),
            group=row.get("group", ""),
            parent=row.get("parent", ""),
            dataset=row.get("dataset", ""),
            frames=int(row.get("frames", 0)),
        )
        for where, row in rows
    ]
    if classes is None and any(clip.label for clip in clips) and all(clip.label.isdigit() for clip in clips):
        warnings.warn(f"{folder}: labels are numbers; give the list of class names to see names", stacklevel=2)
    if any(row.get("start", "0") not in "01" for _, row in rows):
        warnings.warn(f"{folder}: lines name parts of clips; the whole clips are taken", stacklevel=2)
    return clips


def _read_fields(path: Path) -> list[tuple[str, Row]]:
    lines = read_lines(path)
    if not lines:
        raise UserError(f"{path} is empty; write a line a clip: path,label")
    first = lines[0][1]
    numbered = path.suffix.lower() != ".csv" and re.search(r"\s\d+$", first)
    delimiter = next((mark for mark in _DELIMITERS if mark in first and not numbered), None)
    if delimiter is None:
        return list(_split_at_blanks(lines))
    return list(_read_delimited(path, delimiter))


def _read_delimited(path: Path, delimiter: str) -> Iterator[tuple[str, Row]]:
    reader = csv.reader(read_text(path).splitlines(), delimiter=delimiter)
    names: tuple[str, ...] = _FIELDS
    for number, fields in enumerate(reader):
        fields = [field.strip() for field in fields]
        where = f"{path}, line {reader.line_num}"
        if number == 0 and "path" in fields:
            names = tuple(fields)
            unknown = [name for name in names if name not in COLUMNS]
            if unknown:
                raise UserError(f"{where}: column {unknown[0]!r} is unknown; known are {', '.join(_FIELDS)}")
        elif any(fields):
            if len(fields) > len(names) or not fields[0]:
                raise UserError(f"{where}: {len(fields)} fields; write {', '.join(names)}")
            # what `index` finds out itself, in a manifest that is indexed again, is not taken over
            yield where, {name: field for name, field in zip(names, fields) if name in (*_FIELDS, "dataset")}


def _split_at_blanks(lines: list[tuple[str, str]]) -> Iterator[tuple[str, Row]]:
    counts = [len(_trailing_numbers(line)) for _, line in lines]
    kinds = {0: (), 1: ("label",), 2: ("frames", "label"), 3: ("start", "end", "label")}
    # the fewest of all lines: a path may itself end in a blank and a number
    names = kinds[min(*counts, 3)] if len(counts) > 1 else kinds[min(counts[0], 3)]
    for where, line in lines:
        if not names and len(line.split()) > 1 and not is_media(line):
            raise UserError(
                f"{where}: {line!r} ends in no class number; put a comma between path and label, "
                "or write `path label`, `path frames label` or `path start end label` with numbers"
            )
        path, *numbers = line.rsplit(maxsplit=len(names)) if names else [line]
        row = {"path": path, **dict(zip(names, numbers))}
        if "start" in row:
            row["frames"] = str(max(0, int(row["end"]) - int(row["start"]) + 1))
        yield where, row


def _trailing_numbers(line: str) -> list[str]:
    words = line.split()[1:]
    numbers = []
    while words and words[-1].isdigit():
        numbers.append(words.pop())
    return numbers


def _split_of_name(path: Path) -> str:
    """Return the split that a list's own name says, as in "train_list.txt" or "something_v1_vallist.txt"."""
    for word in re.split(r"[^a-z]+", path.stem.lower()):
        if word.removesuffix("list") in SPLITS:
            return word.removesuffix("list")
    return ""


def _normalise_split(split: str, where: str) -> str:
    if split and split.lower() not in SPLITS:
        raise UserError(f"{where}: split={split!r} is unknown; write train, val or test, or leave it empty")
    return SPLITS[split.lower()] if split else ""


@dataclass(frozen=True)
class _Classes:
    names: tuple[str, ...]
    source: Path

    @classmethod
    def read(cls, path: Path) -> "_Classes":
        if path.suffix.lower() == ".json":
            return cls(read_json_labels(path), path)
        return cls(tuple(line for _, line in read_lines(path)), path)

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(self.names)

    def name(self, label: str, where: str) -> str:
        if label.isdigit() and label not in self.known:
            if int(label) >= len(self.names):
                raise UserError(
                    f"{where}: there is no class number {label} among the {len(self.names)} of {self.source}"
                )
            return self.names[int(label)]
        return check_label(label, self.known, where, self.source) if label else ""


class _Places:
    """Finds the clips that a list names, relative to the list's folder; each folder is listed once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, dict[str, str]] = {}
        self._dropped = 1  # how many leading parts of paths from another machine are not to be found here

    def find(self, text: str) -> str:
        """Return the path of the clip relative to the root, or the text itself if nothing is there."""
        if not os.path.isabs(text):  # noqa: PTH117 (lists have 10^5 lines, and Path objects take their time)
            return self._complete(text) or os.path.normpath(text)
        if os.path.exists(text):  # noqa: PTH110
            return relative_path(Path(text), self._root)
        parts = text.strip("/").split("/")
        for dropped in (self._dropped, *range(len(parts))):
            if found := self._complete("/".join(parts[dropped:])):
                self._dropped = dropped
                return found
        return text

    def _complete(self, text: str) -> str | None:
        """Return the path, or that of the file with its name and the suffix of a video, if either is there."""
        folder, name = os.path.split(os.path.normpath(text))
        if folder not in self._folders:
            place = self._root / folder
            names = [file.name for file in place.iterdir()] if place.is_dir() else []
            stems = {Path(known).stem: known for known in names if is_media(known)}
            self._folders[folder] = stems | {known: known for known in names}
        known = self._folders[folder].get(name)
        return f"{folder}/{known}".lstrip("/") if known else None
