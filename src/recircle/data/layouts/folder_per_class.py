"""One folder a class, [train|val|test/]CLASS/CLIP, a clip being a video or a folder of frames."""

import warnings
from pathlib import Path

from recircle.data.layouts.tables import SPLITS
from recircle.data.manifest import Clip
from recircle.data.media import Found, find_media


def matches(folder: Path) -> bool:
    """Tell whether the folder can be laid out so: any folder can."""
    return folder.is_dir()


def find(folder: Path) -> list[Clip]:
    """List the clips; what lies at the top, in no class's folder, has no label."""
    found = find_media(folder)
    stills = sum(clip.is_still for clip in found)
    if stills:
        warnings.warn(
            f"{folder}: single images lie among videos or other folders; each of the {stills} is listed as a clip "
            "of one frame",
            stacklevel=2,
        )
    return label_by_folder(found)


def label_by_folder(found: list[Found]) -> list[Clip]:
    """Turn what was found into clips: an upper level of split names gives the split, the next level the label."""
    has_splits = bool(found) and all(len(clip.parts) > 1 and clip.parts[0].lower() in SPLITS for clip in found)
    clips = []
    for clip in found:
        split = SPLITS[clip.parts[0].lower()] if has_splits else ""
        names = clip.parts[1:] if has_splits else clip.parts
        label = names[0] if len(names) > 1 else ""
        clips.append(Clip(path=clip.path, label=label, split=split))
    return clips
