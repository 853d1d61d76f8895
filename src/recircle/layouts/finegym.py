"""FineGym: one clip an element, subactions/VIDEO_E_START_END_A_START_END.mp4, and the lists of Gym99 or Gym288."""

import re
import warnings
from collections import Counter
from functools import partial
from pathlib import Path

from recircle.errors import UserError
from recircle.layouts.places import Places, find_list, need_list
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import read_lines

FOLDERS = ("subactions", "subaction_frames", "elements", "clips", "frames", "videos")
SETS = {"gym99": 99, "gym288": 288}
_VERSIONS = ("_v1.1", "_v1.0", "")
_LINE = re.compile(r"(?P<name>(?P<video>\S{11})_E_\d+_\d+_A_\d+_\d+) (?P<number>\d+)")


def matches(folder: Path, kind: str) -> bool:
    """Tell whether the folder holds a list of this set of classes."""
    return any(find_list(folder, names) for names in _names(kind).values())


def find(folder: Path, kind: str) -> list[Clip]:
    """List the elements of Gym99 or Gym288 that the lists name.

    The group is the YouTube video. With the list of categories the label is the element's name and the parent its set
    ("VT set 1"); without it labels are numbers.

    Raises:
        UserError: the lists or the clips are missing, there are training lists of two versions, or a list is malformed.
    """
    names = _names(kind)
    there = [path for name in names["train"] if (path := find_list(folder, (name,)))]
    if len(there) > 1:
        raise UserError(
            f"{folder} holds training lists of two versions, {there[0].name} and {there[1].name}, which differ in "
            "thousands of clips; keep one of them"
        )
    lists = {"train": there[0] if there else None, "val": find_list(folder, names["val"])}
    if not any(lists.values()):
        need_list(folder, names["train"])
    classes = _read_classes(folder, kind)
    places = Places(folder, FOLDERS)
    clips = [
        Clip(
            path=places.take(name, ".mp4"),
            label=classes[number][0],
            parent=classes[number][1],
            split=split,
            group=video,
        )
        for split, path in lists.items()
        if path is not None
        for name, video, number in _read_list(path, len(classes))
    ]
    places.check_some(clips)
    return clips


def _names(kind: str) -> dict[str, tuple[str, ...]]:
    return {
        "train": (*(f"{kind}_train_element{version}.txt" for version in _VERSIONS), f"{kind}_train_org.txt"),
        "val": (f"{kind}_val_element.txt", f"{kind}_val_org.txt"),
    }


def _read_classes(folder: Path, kind: str) -> list[tuple[str, str]]:
    """Return (label, parent) of each class, by its number."""
    path = find_list(folder, (f"{kind}_categories.txt", "label_map.txt"))
    if path is None:
        warnings.warn(f"{folder}: labels are numbers; copy {kind}_categories.txt there to see names", stacklevel=4)
        return [(str(number), "") for number in range(SETS[kind])]
    lines = read_lines(path)
    if len(lines) != SETS[kind]:
        raise UserError(f"{path} has {len(lines)} classes, {kind} has {SETS[kind]}; take its list of categories")
    classes = []
    for number, (_, line) in enumerate(lines):
        # Clabel: 0; set: 1; Glabel: 1; (VT) round-off, ...
        parts = line.split(";", 3)
        name = parts[-1].strip()
        event = re.match(r"\((\w+)\)", name)
        of_set = f"set {parts[1].partition(':')[2].strip()}" if len(parts) == 4 else ""
        classes.append((name, " ".join(part for part in (event[1] if event else "", of_set) if part)))
        if len(parts) == 4 and parts[0].partition(":")[2].strip() != str(number):
            raise UserError(f"{path}: class {number} is not in line {number + 1}; take the official list")
    # one name stands twice in the published lists
    uses = Counter(name for name, _ in classes)
    return [(f"{name} [{number}]" if uses[name] > 1 else name, parent) for number, (name, parent) in enumerate(classes)]


def _read_list(path: Path, classes: int) -> list[tuple[str, str, int]]:
    rows = []
    for where, line in read_lines(path):
        found = _LINE.fullmatch(line)
        if found is None or int(found["number"]) >= classes:
            raise UserError(
                f"{where}: {line!r} is not of the form VIDEO_E_START_END_A_START_END NUMBER with a number below "
                f"{classes}; take the official list"
            )
        rows.append((found["name"], found["video"], int(found["number"])))
    return rows


LAYOUTS = {
    f"finegym_{kind}": (
        f"FineGym, {kind.capitalize()}: subactions/VIDEO_E_..._A_....mp4 and {kind}_train_element_v1.1.txt, ...",
        partial(matches, kind=kind),
        partial(find, kind=kind),
    )
    for kind in SETS
}
