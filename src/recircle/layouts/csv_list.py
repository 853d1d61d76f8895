"""A list of clips: `path,label[,split,group,parent]` or other columns, `path label`, `path frames label`, or JSON."""

import re
import warnings
from pathlib import Path, PurePath

from recircle.decode.media import FRAME_SUFFIXES, VIDEO_SUFFIXES
from recircle.errors import UserError
from recircle.layouts.class_list import ClassList
from recircle.layouts.clip_table import read_clip_table
from recircle.layouts.columns import ORDER, Columns, assign, find_header, plain_name, without_quotes
from recircle.layouts.label_column import check_single_labels, tell_labels
from recircle.layouts.list_places import ListPlaces
from recircle.layouts.part_columns import PartColumns
from recircle.layouts.parts import ListOptions
from recircle.layouts.tables import SPLITS
from recircle.manifest.manifest import Clip
from recircle.manifest.table import is_manifest
from recircle.manifest.text_table import DELIMITERS, Record


def matches(folder: Path) -> bool:
    """Tell whether this is a file, which can only be a list."""
    return folder.is_file()


def read_columns(path: Path) -> Columns:
    """Return the table of a list, whatever form it has, and what its columns hold.

    Raises:
        UserError: it cannot be read, or is not clear.
    """
    # not the one that finds clips, since what is only tried here must not be reported as found
    looked_up = ListPlaces(path.parent)
    table = find_header(read_clip_table(path, looked_up.has), looked_up.has)
    return assign(table if is_manifest(path) else without_quotes(table), looked_up.has)


def find(folder: Path, labels: Path | None = None, *, parts: ListOptions | None = None) -> list[Clip]:
    """List the clips that a file names.

    Fields stand between commas, semicolons, tabs or bars, with a header that names them in usual words or in the order
    path, label, split, group, parent; or between blanks, ending in numbers: a class number, before it a count of
    frames, or a first and a last frame. Or the list is JSON, JSON Lines or Parquet. Paths are relative to the list's
    folder; `ListPlaces` says what else is found. What is guessed is reported in a warning.

    Args:
        folder: the list.
        labels: class names, in one of the forms that `ClassList` reads.
        parts: how parts of videos are meant; None takes whole clips, except from a manifest, whose parts are known.

    Raises:
        UserError: a line is malformed, may be meant in several ways, or its class is unknown.
    """
    columns = read_columns(folder)
    records = columns.table.records
    if parts is None and columns.of_manifest:
        parts = ListOptions(units="seconds")
    times = None if parts is None else PartColumns.of(columns, parts)
    classes = ClassList.read(labels) if labels is not None else None
    check_single_labels(columns)
    if classes is not None:
        classes.check_counting(folder, [columns.value(record, "label") for record in records])
    places = ListPlaces(folder.parent)
    split = _split_of_name(folder)
    clips = [_clip(record, columns, places, classes, split, is_part=times is not None) for record in records]
    if times is not None:
        clips = [times.part_of(clip, record) for clip, record in zip(clips, records)]
    _check_unique(clips, records)
    places.tell(folder)
    if classes is not None:
        classes.warn_unused({clip.label for clip in clips})
    tell_labels(columns, are_named=classes is not None)
    if times is None:
        _tell_parts(folder, columns)
    else:
        times.tell(folder)
    _tell_stills(folder, clips)
    return clips


def _clip(
    record: Record, columns: Columns, places: ListPlaces, classes: ClassList | None, split: str, *, is_part: bool
) -> Clip:
    text, label = columns.value(record, "path"), columns.value(record, "label")
    if not text:
        raise UserError(f"{record.where}: the path is empty; write path, label")
    path = places.find(text, record.where)
    if path is None:
        _check_unquoted(record, columns, places)
        path = places.place(text)
    if classes is not None:
        name = classes.name(label, record.where)
        number = columns.value(record, "number")
        if name and number and classes.name(number, record.where) != name:
            raise UserError(
                f"{record.where}: the label is {label!r} and its number {number}, which is "
                f"{classes.name(number, record.where)!r} in {classes.source}; correct one of the two"
            )
        label = name
    return Clip(
        path=path,
        label=label,
        split=_normalise_split(columns.value(record, "split") or split, record.where, bool(columns.table.names)),
        group=columns.value(record, "group"),
        parent=columns.value(record, "parent"),
        dataset=columns.value(record, "dataset"),
        frames=0 if is_part else _frames(record, columns),
    )


def _frames(record: Record, columns: Columns) -> int:
    """Return how many frames the list says that a clip has, 0 where it does not."""
    start, end = columns.value(record, "start"), columns.value(record, "end")
    if start.isdigit() and end.isdigit():
        if int(end) < int(start):
            raise UserError(
                f"{record.where}: {start} and {end} cannot be a first and a last frame; if the line has several "
                "labels, which are not read, give the clip one"
            )
        # numbers in columns of other names may be seconds
        in_frames = "frame" in plain_name(columns.table.names[columns.roles["start"]])
        return int(end) - int(start) + 1 if in_frames else 0
    frames = columns.value(record, "frames")
    if not frames:
        return 0
    if float(frames) < 1 and "label" in columns.roles:
        raise UserError(
            f"{record.where}: a clip of {frames} frames; if the line has several labels, which are not read, give the "
            "clip one"
        )
    return int(float(frames))


def _tell_parts(folder: Path, columns: Columns) -> None:
    if not columns.roles.keys() >= {"start", "end"}:
        return
    warnings.warn(
        f"{folder}: lines name a first and a last frame or second of each clip; the whole clips are taken; if they are "
        "parts of longer videos, give --layout segments (if these numbers are labels too: several labels of a clip are "
        "not read)",
        stacklevel=3,
    )


def _tell_stills(folder: Path, clips: list[Clip]) -> None:
    images = [clip.path for clip in clips if PurePath(clip.path).suffix.lower() in FRAME_SUFFIXES - VIDEO_SUFFIXES]
    if images:
        warnings.warn(
            f"{folder}: {len(images)} of its {len(clips)} lines name an image, such as {images[0]}, which is a clip of "
            "one frame (unless it is animated); if they are frames of a clip, name their folder once",
            stacklevel=3,
        )


def _check_unquoted(record: Record, columns: Columns, places: ListPlaces) -> None:
    """Insist on quotes around a path whose parts, divided by a delimiter, together are the name of a clip."""
    fields = record.fields
    for mark in DELIMITERS:
        for end in range(2, len(fields) + 1):
            whole = mark.join(fields[:end])
            if columns.roles["path"] == 0 and places.has(whole):
                raise UserError(f"{record.where}: {whole!r} holds the delimiter; put this path in double quotes")


def _check_unique(clips: list[Clip], records: tuple[Record, ...]) -> None:
    seen: dict[str, tuple[Clip, Record]] = {}
    for clip, record in zip(clips, records):
        before, at = seen.setdefault(clip.name, (clip, record))
        if before is clip:
            continue
        if before.label != clip.label:
            raise UserError(
                f"{record.where}: {clip.name} is listed twice, with label {clip.label!r} here and {before.label!r} in "
                f"{at.where.rpartition(', ')[2]}; several labels of a clip are not read; give it one, "
                "or for parts of one video columns start and end (--layout segments)"
            )
        raise UserError(
            f"{record.where}: {clip.name} is listed twice, here and in {at.where.rpartition(', ')[2]}; remove one "
            "line, or give parts of one video columns start and end (--layout segments)"
        )


def _split_of_name(path: Path) -> str:
    """Return the split that a list's own name says, as in "train_list.txt" or "something_v1_vallist.txt"."""
    for word in re.split(r"[^a-z]+", path.stem.lower()):
        if word.removesuffix("list") in SPLITS:
            return word.removesuffix("list")
    return ""


def _normalise_split(split: str, where: str, has_header: bool) -> str:
    if split and split.lower() not in SPLITS:
        order = "" if has_header else f" (without a header the order is {', '.join(ORDER)})"
        raise UserError(f"{where}: split={split!r} is unknown{order}; write train, val or test, or leave it empty")
    return SPLITS[split.lower()] if split else ""
