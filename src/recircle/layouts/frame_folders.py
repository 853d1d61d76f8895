"""Folders of frames side by side, [train|val|test/]CLIP/00001.jpg, with no classes."""

from dataclasses import replace
from pathlib import Path

from recircle.decode.media_search import find_media, search
from recircle.layouts.folder_per_class import label_by_folder, warn_left_out
from recircle.layouts.split_folders import read_levels
from recircle.manifest.manifest import Clip


def matches(folder: Path) -> bool:
    """Tell whether all media under the folder are folders of frames that lie in no class's folder."""
    if not folder.is_dir():
        return False
    found = find_media(folder)
    if not found or not all(clip.is_folder for clip in found) or read_levels(folder, found).doubt:
        return False
    return not any(clip.label for clip in label_by_folder(folder, found))


def find(folder: Path) -> list[Clip]:
    """List the folders of frames, without labels.

    Raises:
        UserError: the folder cannot be read.
    """
    found = search(folder)
    warn_left_out(folder, found)
    folders = [clip for clip in found.clips if clip.is_folder]
    return [replace(clip, label="") for clip in label_by_folder(folder, folders)]
