"""One folder a class, [train|val|test/]CLASS/CLIP, a clip being a video or a folder of frames."""

import warnings
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path, PurePath

from recircle.decode.media import VIDEO_SUFFIXES
from recircle.decode.media_search import Found, Search, search
from recircle.errors import UserError
from recircle.layouts.split_folders import Levels, alike_below, read_levels
from recircle.manifest.manifest import Clip


def matches(folder: Path) -> bool:
    """Tell whether the folder can be laid out so: any folder can."""
    return folder.is_dir()


def find(folder: Path) -> list[Clip]:
    """List the clips; where other folders lie beside splits, each is taken for a class.

    What lies at the top, in no class's folder, has no label. What is left out is reported in warnings.

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
        (found.companions, "what belongs to a clip beside it (sound, a picture, optical flow, masks) is left out"),
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
    _warn_twins(folder, found)
    tops = {clip.parts[0] for clip in found.clips if len(clip.parts) > 1}
    below = {clip.parts[1] for clip in found.clips if len(clip.parts) > 2}
    if levels.split is None and len(tops) == 1 and len(below) > 1:
        (top,) = tops
        classes = f"if the {len(below)} folders in it are the classes, give {folder / top}"
        warnings.warn(f"{folder}: all clips lie in {top}/ and so are of one class; {classes}", stacklevel=3)
    elif levels.split is None and (names := alike_below(found.clips)):
        warnings.warn(
            f"{folder}: {_some(tops)} hold folders of the same names ({_some(names)}), and the upper ones are taken "
            "for the classes; if the lower ones are, exchange the two, or give a list of clips and labels",
            stacklevel=3,
        )
    return clips


def _some(names: Collection[str]) -> str:
    shown = [f"{name}/" for name in sorted(names)[:3]]
    return ", ".join(shown) + (", ..." if len(names) > 3 else "")


def _warn_twins(folder: Path, found: Search) -> None:
    """Say which clips are named alike but for their suffixes, as a video and its copy or its frames are."""
    twins: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for clip in found.clips:
        if clip.parts and (clip.is_folder or PurePath(clip.parts[-1]).suffix.lower() in VIDEO_SUFFIXES):
            name = clip.parts[-1] if clip.is_folder else PurePath(clip.parts[-1]).stem
            twins[(*clip.parts[:-1], name)].append(clip.path)
    pairs = [" and ".join(paths) for paths in twins.values() if len(paths) > 1]
    _warn(folder, pairs, "clips that may be the same are listed each (keep one of a video and its copy or its frames)")


def _warn(folder: Path, paths: Sequence[str], text: str) -> None:
    if paths:
        some = ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")
        warnings.warn(f"{folder}: {text}: {len(paths)} ({some})", stacklevel=4)
