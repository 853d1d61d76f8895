"""A Hugging Face video folder: videos, perhaps in folders of splits, and metadata.csv, .jsonl or .parquet."""

import warnings
from dataclasses import replace
from pathlib import Path, PurePosixPath

from recircle.decode.media_search import find_media
from recircle.errors import UserError
from recircle.layouts import csv_list
from recircle.layouts.parts import ListOptions
from recircle.layouts.split_folders import split_of
from recircle.layouts.tables import warn_unlisted
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import has_columns, read_text

_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_COLUMN = "file_name"


def matches(folder: Path) -> bool:
    """Tell whether a folder, or the folders in it, hold metadata with a column of file names."""
    return folder.is_dir() and any(_is_metadata(file) for file in _files(folder))


def find(folder: Path, options: ListOptions) -> list[Clip]:
    """List the videos that the metadata name; the split is that of a folder above them, as of train/ and test/.

    Raises:
        UserError: there are no metadata, or those of a folder are there twice or malformed.
    """
    files = [file for file in _files(folder) if _is_metadata(file)]
    if not files:
        raise UserError(
            f"{folder}: {' or '.join(_NAMES)} with a column {_COLUMN} is missing, here and in its folders; where the "
            "folders are the classes, give --layout folder_per_class"
        )
    twice = [file for file in files if [other.parent for other in files].count(file.parent) > 1]
    if twice:
        names = " and ".join(file.name for file in twice)
        raise UserError(f"{twice[0].parent}: {names} are both there; keep the one that holds")
    clips = [clip for file in files for clip in _of_file(folder, file, options)]
    if not any(clip.label for clip in clips):
        warnings.warn(f"{folder}: no column of the metadata holds the classes; call it label", stacklevel=2)
    warn_unlisted(folder, {found.path for found in find_media(folder)} - {clip.path for clip in clips})
    return clips


def _of_file(folder: Path, file: Path, options: ListOptions) -> list[Clip]:
    below = PurePosixPath(file.parent.relative_to(folder).as_posix())
    clips: list[Clip] = []
    for clip in csv_list.find(file, options.labels):
        path = PurePosixPath(clip.path)
        placed = path if path.is_absolute() else below / path
        named = [split for part in placed.parts[:-1] if (split := split_of(part))]
        clips.append(replace(clip, path=placed.as_posix(), split=clip.split or (named[0] if named else "")))
    return clips


def _files(folder: Path) -> list[Path]:
    return [file for name in _NAMES for file in (folder / name, *sorted(folder.glob(f"*/{name}"))) if file.is_file()]


def _is_metadata(file: Path) -> bool:
    if file.suffix == ".parquet":
        return True
    if file.suffix == ".csv":
        return has_columns(file, (_COLUMN,))
    try:
        return f'"{_COLUMN}"' in read_text(file).partition("\n")[0]
    except UserError:
        return False
