"""One folder a class, [train|val|test/]CLASS/CLIP, a clip being a video or a folder of frames."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from recircle.decode.media import Found, Search, search
from recircle.errors import UserError
from recircle.layouts.split_folders import Levels, read_levels
from recircle.manifest.manifest import Clip


def matches(folder: Path) -> bool:
    """Tell whether the folder can be laid out so: any folder can."""
    return folder.is_dir()


def find(folder: Path) -> list[Clip]:
    """List the clips; where other folders lie beside splits, each is taken for a class.

    What lies at the top, in no class's folder, has no label. What is left out is told in warnings.

    Raises:
        UserError: the folder cannot be read.
    """
    found = search(folder)
    return _label(folder, found, read_levels(folder, found.clips))


def find_certain(folder: Path) -> list[Clip]:
    """List the clips if it is certain which folders are splits and which are classes; otherwise as `find`.

    Raises:
        UserError: the folder cannot be read, or can be read in two ways; the message names both.
    """
    found = search(folder)
    levels = read_levels(folder, found.clips)
    if levels.doubt:
        raise UserError(levels.doubt)
    return _label(folder, found, levels)


def label_by_folder(folder: Path, found: Sequence[Found]) -> list[Clip]:
    """Turn what was found into clips: a level of split names gives the split, the next one the label."""
    levels = read_levels(folder, found)
    return [levels.clip(clip) for clip in found]


def warn_left_out(folder: Path, found: Search) -> None:
    """Say what a search has left out, or has taken that may be meant otherwise: how many, and some names."""
    stills = tuple(clip.path for clip in found.clips if clip.is_still)
    one_frame = f"each of the {len(stills)} is listed as a clip of one frame"
    for paths, text in (
        (stills, f"single images lie among videos or other folders; {one_frame}"),
        (found.beside_videos, "numbered images beside videos are left out (put frames of a clip into a folder)"),
        (found.beside_folders, "folders of frames have further clips below them, and all are listed"),
        (found.unknown, "files of unknown kinds are left out"),
        (found.empty, "folders hold no clip"),
        (found.unreadable, "folders cannot be read"),
        (found.links, "links to a folder above are not followed"),
    ):
        _warn(folder, paths, text)


def _label(folder: Path, found: Search, levels: Levels) -> list[Clip]:
    clips = [levels.clip(clip) for clip in found.clips]
    warn_left_out(folder, found)
    if levels.split is not None:
        loose = [clip.path for clip in clips if not clip.split]
        _warn(folder, loose, "clips lie in no folder of a split, and have neither split nor label")
        loose = [clip.path for clip in clips if clip.split and not clip.label]
        _warn(folder, loose, "clips lie in no folder of a class, and have no label")
    tops = {clip.parts[0] for clip in found.clips if len(clip.parts) > 1}
    below = {clip.parts[1] for clip in found.clips if len(clip.parts) > 2}
    if levels.split is None and len(tops) == 1 and len(below) > 1:
        (top,) = tops
        classes = f"if the {len(below)} folders in it are the classes, give {folder / top}"
        warnings.warn(f"{folder}: all clips lie in {top}/ and so are of one class; {classes}", stacklevel=3)
    return clips


def _warn(folder: Path, paths: Sequence[str], text: str) -> None:
    if paths:
        some = ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")
        warnings.warn(f"{folder}: {text}: {len(paths)} ({some})", stacklevel=4)
