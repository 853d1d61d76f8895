"""Something-Something V2: 20bn-something-something-v2/ID.webm and lists in JSON."""

from pathlib import Path
from typing import Any

from recircle.errors import UserError
from recircle.layouts.id_lists import read_answers
from recircle.layouts.places import add_families
from recircle.layouts.tables import check_label, read_json, warn_unlisted
from recircle.manifest.manifest import Clip

VIDEOS = "20bn-something-something-v2"
_SPLITS = {"train": "train", "val": "validation", "test": "test"}


def matches(folder: Path) -> bool:
    """Tell whether the folder holds the videos and at least one list."""
    return (folder / VIDEOS).is_dir() and any(list_path(folder, name).is_file() for name in _SPLITS.values())


def find(folder: Path) -> list[Clip]:
    """List the clips of all lists that are there.

    The labels of the test clips are those of `labels/test-answers.csv`, if it is there.

    Raises:
        UserError: the videos, the classes or all lists are missing, a list is malformed, or has a class that is not in
            the list of classes.
    """
    labels = read_labels(list_path(folder, "labels"))
    if not (folder / VIDEOS).is_dir():
        raise UserError(f"{folder}: the folder {VIDEOS}/ is missing; unpack the videos there")
    there = {split: list_path(folder, name) for split, name in _SPLITS.items() if list_path(folder, name).is_file()}
    if not there:
        raise UserError(f"{folder}: no list of clips is there; copy train.json and validation.json to labels/")
    answers = read_answers(folder, labels)
    clips = [
        Clip(path=f"{VIDEOS}/{video}.webm", label=label or answers.get(video, ""), split=split)
        for split, path in there.items()
        for video, label in read_list(path, labels)
    ]
    on_disk = {f"{VIDEOS}/{file.name}" for file in (folder / VIDEOS).glob("[!.]*.webm")}
    warn_unlisted(folder, on_disk - {clip.path for clip in clips})
    return add_families(folder, clips)


def list_path(folder: Path, name: str) -> Path:
    """Return where a list lies: under its first name, or as `labels/NAME.json`, as it is handed out today."""
    first = folder / f"something-something-v2-{name}.json"
    later = folder / "labels" / f"{name}.json"
    return later if later.is_file() and not first.is_file() else first


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the classes in the order of their numbers, which is that of published checkpoints' outputs.

    Raises:
        UserError: the file is not a JSON object of classes and numbers.
    """
    numbers = read_json(path)
    if not isinstance(numbers, dict) or not all(str(number).isdigit() for number in numbers.values()):
        raise UserError(f"{path}: a JSON object of classes and their numbers is wanted")
    return tuple(sorted(numbers, key=lambda label: int(numbers[label])))


def read_list(path: Path, labels: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (ID, label) of each entry; the label is its template without brackets, and empty in the test list.

    Raises:
        UserError: an entry has no ID, or its class is not in `labels`.
    """
    known = set(labels)
    entries = read_json(path)
    if not isinstance(entries, list):
        raise UserError(f"{path}: a JSON list of videos is wanted")
    return [_read_entry(entry, known, f"{path}, entry {number}") for number, entry in enumerate(entries, 1)]


def _read_entry(entry: Any, known: set[str], where: str) -> tuple[str, str]:
    video = str(entry.get("id", "")) if isinstance(entry, dict) else ""
    if not video.isdigit():
        raise UserError(f"{where}: {video!r} is not the number of a video; an entry has an `id` and a `template`")
    label = str(entry.get("template", "")).replace("[", "").replace("]", "")
    return video, check_label(label, known, where, "the list of labels") if label else ""
