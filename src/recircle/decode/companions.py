"""What lies beside a clip and is not one: optical flow, masks and depth, the sound of a video, a picture of it."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

# what is computed from frames, by the words that name it
_MADE = frozenset(
    {"flow", "flows", "flowx", "flowy", "optflow", "opticalflow", "mask", "masks", "seg", "segmentation", "depth"}
    | {"disparity", "disp", "heatmap", "overlay", "thumb", "thumbs", "thumbnail", "thumbnails"}
)
# these are names of classes too, so they say so in names of images alone
_MADE_OF_FRAMES = _MADE | {"alpha", "matte", "normal", "normals", "edge", "edges"}
# what another sensor or a tool adds, in folders of their own
_MADE_IN_FOLDERS = _MADE | {"ir", "infrared", "thermal", "pose", "poses", "openpose", "skeleton", "skeletons"}
_ADDED = frozenset(
    {"optical", "x", "y", "u", "v", "map", "maps", "frames", "images", "gt", "tvl1", "raft", "farneback"}
)
_RGB = frozenset(
    {"rgb", "frame", "frames", "rawframes", "image", "images", "img", "imgs", "color", "colour", "video", "videos"}
    | {"jpg", "jpgs", "jpeg", "jpegs", "original"}
)


def is_made_of_frames(stem: str) -> bool:
    """Tell whether an image's name says that it is not a frame, but was made of one."""
    return not _MADE_OF_FRAMES.isdisjoint(re.findall(r"[^\W\d_]+", stem.casefold()))


def folders_beside(names: Iterable[str]) -> list[str]:
    """Return the folders that by their names hold flow, masks and the like of what lies in another, such as rgb/."""
    words = {name: _words(name) for name in names}
    if not any(found and found <= _RGB for found in words.values()):
        return []
    return [
        name
        for name, found in words.items()
        if found <= _MADE_IN_FOLDERS | _ADDED and not found.isdisjoint(_MADE_IN_FOLDERS)
    ]


def files_beside(videos: Sequence[str], others: Iterable[str]) -> list[str]:
    """Return the files that belong to a video in the same folder.

    Args:
        videos: names of videos; one that is named as another, and flow, mask or the like, was made of it.
        others: names of sounds and of images; those that are named as a video are its sound or a picture of it.
    """
    stems = {Path(name).stem.casefold() for name in videos}
    made = [name for name in videos if not _words(Path(name).stem).isdisjoint(_MADE)]
    cores = {_core(Path(name).stem) for name in videos if name not in made}
    beside = [name for name in made if _core(Path(name).stem) in cores]
    return beside + [name for name in others if Path(name).stem.casefold() in stems]


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", name.casefold()))


def _core(stem: str) -> tuple[str, ...]:
    """Return the words of a name without those that say what was made of it."""
    words = re.findall(r"[^\W_]+", stem.casefold())
    if _MADE.isdisjoint(words):
        return tuple(words)
    return tuple(word for word in words if word not in _MADE | {"optical", "x", "y", "u", "v"})
