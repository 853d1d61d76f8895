"""Finding clips in a folder: which files claim to be media, and which folders are clips of frames."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recircle.data.decode_folder import FRAME_SUFFIXES, natural_key

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".divx", ".mkv", ".webm", ".ogv", ".flv", ".f4v", ".swf", ".wmv", ".asf", ".mxf"}
    | {".mpg", ".mpeg", ".mpe", ".m2v", ".ts", ".mts", ".m2ts", ".vob", ".3gp", ".3g2", ".rm", ".rmvb", ".dv", ".nut"}
    | {".y4m", ".ivf", ".obu", ".264", ".h264", ".265", ".h265", ".hevc", ".mjpg", ".mjpeg", ".gif", ".apng"}
)
# single pictures that no folder of frames is made of, and sound: names that claim to be media, so they get a verdict
_OTHER_SUFFIXES = frozenset(
    {".heic", ".heif", ".avif", ".jxl", ".jp2", ".tga"}
    | {".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".wma"}
)
_IGNORED_FOLDERS = frozenset({"__MACOSX", "__pycache__"})


@dataclass(frozen=True)
class Found:
    """A clip in a folder.

    Attributes:
        parts: its path relative to the folder that was searched; empty for that folder itself.
        is_folder: it is a folder of frames.
        is_still: it is a single image that lies among other media.
    """

    parts: tuple[str, ...]
    is_folder: bool = False
    is_still: bool = False

    @property
    def path(self) -> str:
        """The path with forward slashes, relative to the folder that was searched."""
        return "/".join(self.parts) or "."


def is_media(name: str) -> bool:
    """Tell whether a file's name claims that it is a video, an image or sound."""
    suffix = Path(name).suffix.lower()
    return suffix in VIDEO_SUFFIXES or suffix in FRAME_SUFFIXES or suffix in _OTHER_SUFFIXES


def find_media(folder: Path) -> list[Found]:
    """Return all clips under a folder, in natural order of their paths.

    A folder that holds images, and no other media beside or below them, is one clip of frames; any other file whose
    name claims to be media is a clip. Hidden files and folders are left out.
    """
    found = list(_walk(folder, (), frozenset()))
    return sorted(found, key=lambda clip: [natural_key(part) for part in clip.parts])


def _walk(folder: Path, parts: tuple[str, ...], above: frozenset[Path]) -> Iterator[Found]:
    real = folder.resolve()
    if real in above:  # a link that leads back up
        return
    files: list[str] = []
    below: list[Found] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _IGNORED_FOLDERS:
                continue
            if entry.is_dir():
                below.extend(_walk(folder / entry.name, (*parts, entry.name), above | {real}))
            elif is_media(entry.name):
                files.append(entry.name)
    stills = [name for name in files if Path(name).suffix.lower() in FRAME_SUFFIXES]
    if stills and len(stills) == len(files) and not below:
        yield Found(parts, is_folder=True)
        return
    yield from (Found((*parts, name), is_still=name in stills) for name in files)
    yield from below
