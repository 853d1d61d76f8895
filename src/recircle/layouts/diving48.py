"""Diving48: rgb/ID.mp4, Diving48_vocab.json and the two lists of a version in JSON."""

from functools import partial
from pathlib import Path
from typing import Any

from recircle.errors import UserError
from recircle.layouts.places import Places, find_list, need_list
from recircle.layouts.tables import read_json, warn_unlisted
from recircle.manifest.manifest import Clip

FOLDERS = ("rgb", "videos", "rawframes", "frames")
VOCABULARY = "Diving48_vocab.json"
VERSIONS = {"v1": ("", "V1_"), "v2": ("V2_",)}
"""What stands before the split in the names of the lists of each version."""


def list_names(version: str, split: str) -> tuple[str, ...]:
    """Return the names that the list of a split may have, the official one first."""
    return tuple(f"Diving48_{middle}{split}.json" for middle in VERSIONS[version])


def matches(folder: Path, version: str) -> bool:
    """Tell whether the folder holds a list of this version and one of the folders of clips."""
    return any(find_list(folder, list_names(version, split)) for split in ("train", "test")) and any(
        (folder / name).is_dir() for name in FOLDERS
    )


def find(folder: Path, version: str) -> list[Clip]:
    """List the clips of the lists of one version.

    The label has the four parts of the vocabulary, as in "Back+15som+05Twis+FREE", the parent is the take-off, and the
    group the competition that the clip was cut from. The two versions label the same videos differently.

    Raises:
        UserError: the vocabulary, the lists or the clips are missing, or a list is malformed.
    """
    vocabulary = read_vocabulary(need_list(folder, (VOCABULARY,)))
    lists = {split: find_list(folder, list_names(version, split)) for split in ("train", "test")}
    if not any(lists.values()):
        need_list(folder, list_names(version, "train"))
    places = Places(folder, FOLDERS)
    clips = [
        Clip(
            path=places.take(name, ".mp4"),
            label=vocabulary[label],
            parent=vocabulary[label].partition("+")[0],
            split=split,
            group=name.rpartition("_")[0],
        )
        for split, path in lists.items()
        if path is not None
        for name, label in read_list(path, len(vocabulary))
    ]
    places.check_some(clips)
    # the clips that one version lists and the other does not are not the folder's fault
    other = {name for path in _other_lists(folder, version) for name, _ in read_list(path, len(vocabulary))}
    warn_unlisted(folder, {path for path in places.left() if Path(path).stem not in other})
    return clips


def _other_lists(folder: Path, version: str) -> list[Path]:
    found = [
        find_list(folder, list_names(other, split))
        for other in VERSIONS
        if other != version
        for split in ("train", "test")
    ]
    return [path for path in found if path is not None]


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """Return the classes in the order of their numbers, their parts joined by "+".

    Raises:
        UserError: the file is not a JSON list of lists of words.
    """
    entries = read_json(path)
    if not isinstance(entries, list) or not all(
        isinstance(entry, list) and entry and all(isinstance(part, str) for part in entry) for entry in entries
    ):
        raise UserError(f'{path}: a JSON list such as [["Back", "15som", "05Twis", "FREE"], ...] is wanted')
    return tuple("+".join(entry) for entry in entries)


def read_list(path: Path, classes: int) -> list[tuple[str, int]]:
    """Return (name, class number) of each entry.

    Raises:
        UserError: an entry has no name, or its class is not in the vocabulary.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise UserError(f"{path}: a JSON list of clips is wanted")
    return [_read_entry(entry, classes, f"{path}, entry {number}") for number, entry in enumerate(entries, 1)]


def _read_entry(entry: Any, classes: int, where: str) -> tuple[str, int]:
    name, label = (entry.get("vid_name"), entry.get("label")) if isinstance(entry, dict) else (None, None)
    if not isinstance(name, str) or not name or not isinstance(label, int):
        raise UserError(f"{where}: an entry has a `vid_name` and a `label` with a class number; {entry!r} has not")
    if not 0 <= label < classes:
        raise UserError(f"{where}: there is no class number {label} among the {classes} of {VOCABULARY}")
    return name, label


LAYOUTS = {
    f"diving48_{version}": (
        f"Diving48 {version.upper()}: rgb/ID.mp4, {VOCABULARY} and {list_names(version, 'train')[0]}, ..._test.json",
        partial(matches, version=version),
        partial(find, version=version),
    )
    for version in VERSIONS
}
