"""UCF101: UCF-101/CLASS/v_CLASS_gNN_cNN.avi and ucfTrainTestlist/trainlist01.txt, testlist01.txt, ..."""

import re
from functools import partial
from pathlib import Path

from recircle.errors import UserError
from recircle.layouts.places import Places
from recircle.layouts.tables import warn_unlisted
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import read_lines

FOLDERS = ("UCF-101", "videos", "rawframes")
LIST_FOLDERS = ("ucfTrainTestlist", "annotations", "")
SPLITS = (1, 2, 3)
_LINE = re.compile(r"(?P<label>\w+)/(?P<name>v_\w+_(?P<group>g\d+)_c\d+)(?:\.avi)?(?: \d+)?")


def matches(folder: Path, split: int) -> bool:
    """Tell whether the folder holds the lists of this split; a list of another data set has other lines."""
    path = _list(folder, "train", split)
    if path is None:
        return False
    lines = read_lines(path)
    return bool(lines) and _LINE.fullmatch(lines[0][1]) is not None


def find(folder: Path, split: int) -> list[Clip]:
    """List the clips of one of the three official splits, into train and test; each has all 13,320 clips.

    The group is the class and the number of the group of videos with a common background or person ("Archery/g01").

    Raises:
        UserError: the lists or the clips are missing, or a list is malformed.
    """
    lists = {part: _list(folder, part, split) for part in ("train", "test")}
    places = Places(folder, FOLDERS)
    clips = []
    for part, path in lists.items():
        if path is None:
            raise UserError(
                f"{folder}: {part}list{split:02}.txt is missing, here and in {', '.join(LIST_FOLDERS[:-1])}; "
                "take the splits for action recognition that come with the data set"
            )
        for where, line in read_lines(path):
            found = _LINE.fullmatch(line)
            if found is None:
                raise UserError(
                    f"{where}: {line!r} is not of the form CLASS/v_CLASS_g01_c01.avi; take the official list"
                )
            label, name = found["label"], found["name"]
            clips.append(
                Clip(
                    path=places.take(name, ".avi", within=label),
                    label=label,
                    split=part,
                    group=f"{label}/{found['group']}",
                )
            )
    places.check_some(clips)
    warn_unlisted(folder, places.left())
    return clips


def _list(folder: Path, part: str, split: int) -> Path | None:
    places = (folder / below / f"{part}list{split:02}.txt" for below in LIST_FOLDERS)
    return next((place for place in places if place.is_file()), None)


LAYOUTS = {
    f"ucf101_split{split}": (
        f"UCF101, split {split}: UCF-101/CLASS/CLIP.avi and ucfTrainTestlist/trainlist{split:02}.txt, testlist...",
        partial(matches, split=split),
        partial(find, split=split),
    )
    for split in SPLITS
}
