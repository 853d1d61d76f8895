"""HMDB51: hmdb51_org/CLASS/CLIP.avi and testTrainMulti_7030_splits/CLASS_test_split1.txt, ..."""

from functools import partial
from pathlib import Path

from recircle.errors import UserError
from recircle.layouts.places import Places
from recircle.layouts.tables import warn_unlisted
from recircle.manifest.manifest import Clip, Split
from recircle.manifest.text_table import read_lines

FOLDERS = ("hmdb51_org", "hmdb51", "videos", "rawframes")
LIST_FOLDERS = ("testTrainMulti_7030_splits", "annotations", "splits", "")
SPLITS = (1, 2, 3)
_PARTS: dict[str, Split | None] = {"0": None, "1": "train", "2": "test"}


def matches(folder: Path, split: int) -> bool:
    """Tell whether the folder holds the lists of this split."""
    return bool(_lists(folder, split))


def find(folder: Path, split: int) -> list[Clip]:
    """List the clips of one of the three official splits: 70 to train on and 30 to test on of each class.

    The lists name the other clips too, as belonging to neither part; they are left out.

    Raises:
        UserError: the lists or the clips are missing, or a list is malformed.
    """
    lists = _lists(folder, split)
    if not lists:
        raise UserError(
            f"{folder}: no CLASS_test_split{split}.txt is here or in {', '.join(LIST_FOLDERS[:-1])}; "
            "take the three splits that come with the data set"
        )
    places = Places(folder, FOLDERS)
    clips = []
    for path in lists:
        label = path.name.removesuffix(_ending(split))
        for where, line in read_lines(path):
            name, _, number = line.rpartition(" ")
            if number not in _PARTS or not name:
                raise UserError(f"{where}: {line!r} does not end in 0, 1 or 2; take the official list")
            stem, part = name.strip().removesuffix(".avi"), _PARTS[number]
            at = places.take(stem, ".avi", within=label)
            if part is not None:
                clips.append(Clip(path=at, label=label, split=part))
    places.check_some(clips)
    warn_unlisted(folder, places.left())
    return clips


def _ending(split: int) -> str:
    return f"_test_split{split}.txt"


def _lists(folder: Path, split: int) -> list[Path]:
    for below in LIST_FOLDERS:
        found = sorted((folder / below).glob(f"[!.]*{_ending(split)}"))
        if found:
            return found
    return []


LAYOUTS = {
    f"hmdb51_split{split}": (
        f"HMDB51, split {split}: hmdb51_org/CLASS/CLIP.avi and testTrainMulti_7030_splits/CLASS{_ending(split)}",
        partial(matches, split=split),
        partial(find, split=split),
    )
    for split in SPLITS
}
