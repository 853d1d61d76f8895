"""Folders of frames side by side, [train|val|test/]CLIP/00001.jpg, with no classes."""

from dataclasses import replace
from pathlib import Path

from recircle.data.layouts.folder_per_class import label_by_folder
from recircle.data.manifest import Clip
from recircle.data.media import find_media


def matches(folder: Path) -> bool:
    """Tell whether all media under the folder are folders of frames that lie in no class's folder."""
    if not folder.is_dir():
        return False
    found = find_media(folder)
    return (
        bool(found) and all(clip.is_folder for clip in found) and not any(clip.label for clip in label_by_folder(found))
    )


def find(folder: Path) -> list[Clip]:
    """List the folders of frames, without labels."""
    folders = [clip for clip in find_media(folder) if clip.is_folder]
    return [replace(clip, label="") for clip in label_by_folder(folders)]
