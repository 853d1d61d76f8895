"""Kinetics-400: train/[CLASS/]ID_START_END.mp4, val/..., and the lists train.csv, val.csv."""

import warnings
from dataclasses import replace
from pathlib import Path

from recircle.decode.media_search import find_media
from recircle.errors import UserError
from recircle.layouts.folder_per_class import label_by_folder
from recircle.layouts.places import Places, find_list
from recircle.layouts.tables import warn_unlisted
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import has_columns, read_table

_WORDS = {"train": ("train",), "val": ("val", "validate", "validation"), "test": ("test",)}
LISTS = {
    split: tuple(f"{prefix}{word}.csv" for prefix in ("", "kinetics_", "kinetics400_") for word in words)
    for split, words in _WORDS.items()
}
FOLDERS = tuple(
    f"{prefix}{word}{suffix}"
    for prefix, suffix in (("", ""), ("videos_", ""), ("", "_256"))
    for words in _WORDS.values()
    for word in words
)
_COLUMNS = ("youtube_id", "time_start", "time_end")


def matches(folder: Path) -> bool:
    """Tell whether the folder holds a list of Kinetics and a folder of a split."""
    return bool(_lists(folder)) and any((folder / name).is_dir() for name in FOLDERS)


def find(folder: Path) -> list[Clip]:
    """List the clips.

    With the lists, each clip that they name is a row, so that those which have vanished from YouTube are known by
    name; clips are found by ID and times, in whatever folder of a class they lie. Without them, what is on disk is
    listed, train/CLASS/CLIP, and only the numbers can tell that some are missing.

    Raises:
        UserError: there are neither lists nor folders of splits and classes, or a list is malformed.
    """
    lists = _lists(folder)
    if not lists:
        return _by_folders(folder)
    places = Places(folder, (*FOLDERS, "replacement"))
    clips: list[Clip] = []
    for split, path in lists.items():
        for where, row in read_table(path, _COLUMNS).rows():
            name = _name(row, where)
            found = next((at for word in _WORDS[split] if (at := places.find(name, word))), None) or places.find(name)
            clips.append(Clip(path=found or f"{split}/{name}.mp4", label=row.get("label") or "", split=split))
    places.check_some(clips)
    warn_unlisted(folder, places.left())
    return clips


def _lists(folder: Path) -> dict[str, Path]:
    found = {split: find_list(folder, names) for split, names in LISTS.items()}
    return {split: path for split, path in found.items() if path is not None and has_columns(path, _COLUMNS)}


def _name(row: dict[str, str], where: str) -> str:
    try:
        start, end = (int(float(row[column])) for column in _COLUMNS[1:])
    except (ValueError, OverflowError):
        raise UserError(f"{where}: time_start and time_end are not seconds; take the official list") from None
    return f"{row['youtube_id']}_{start:06d}_{end:06d}"


def _by_folders(folder: Path) -> list[Clip]:
    clips = label_by_folder(folder, find_media(folder))
    if not clips or not all(clip.split and clip.label for clip in clips):
        raise UserError(
            f"{folder}: neither the lists train.csv and val.csv nor clips in train/CLASS/ and val/CLASS/ are there; "
            "give the folder of Kinetics-400, or use layout folder_per_class"
        )
    warnings.warn(
        f"{folder}: the lists train.csv and val.csv are not there, so clips that are missing cannot be named",
        stacklevel=2,
    )
    # some tools write the blanks of class names as underscores; no class of Kinetics-400 has one of its own
    return [replace(clip, label=clip.label.replace("_", " ")) for clip in clips]
