"""What is a clip: a video, an animation, a folder of frames; or a folder that only holds clips, or something else.

Whatever meets a path of a user asks here: `kind_of` says what reads a clip, `frames_of` which images of a folder are
its frames or why it is not a clip. `media_search` finds the clips under a folder.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from recircle.decode.error import DecodeError
from recircle.decode.images import is_animated, is_stack
from recircle.decode.natural import natural_key
from recircle.decode.pyav import describe
from recircle.decode.series import Series, arrange, runs
from recircle.decode.signatures import content_of, is_animated_avif, is_animated_webp

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".qt", ".avi", ".divx", ".mkv", ".webm", ".ogv", ".flv", ".f4v", ".swf", ".wmv", ".asf"}
    | {".mpg", ".mpeg", ".mpe", ".m2v", ".ts", ".mts", ".m2ts", ".m2t", ".mod", ".tod", ".vob", ".dav", ".insv", ".lrv"}
    | {".3gp", ".3gpp", ".3g2", ".rm", ".rmvb", ".dv", ".mxf", ".nut", ".y4m", ".ivf", ".obu", ".264", ".h264", ".265"}
    | {".h265", ".hevc", ".h261", ".h263", ".mjpg", ".mjpeg", ".gif", ".apng"}
)
FRAME_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}
    | {".gif", ".avif", ".jp2", ".j2k", ".jpx", ".tga", ".qoi"}
)
# images of kinds that are not read
_OTHER_IMAGES = frozenset({".heic", ".heif", ".jxl", ".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".psd"})
_SOUND = frozenset({".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".wma"})
# files that lie among clips and claim to be nothing else
_PAPERS = frozenset(
    {".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".md", ".rst", ".html", ".htm"}
    | {".pdf", ".doc", ".docx", ".odt", ".xls", ".xlsx", ".ods", ".db", ".ini", ".cfg", ".log", ".nfo", ".url", ".lnk"}
    | {".srt", ".vtt", ".ass", ".sub", ".npy", ".npz", ".pkl", ".pickle", ".pt", ".pth", ".h5", ".hdf5", ".parquet"}
    | {".py", ".ipynb", ".sh", ".bat", ".m", ".mat", ".md5", ".sha1", ".sha256", ".crc", ".bib", ".eaf", ".thm"}
)
_PAPER_NAMES = frozenset({"readme", "license", "licence", "copying", "changelog", "makefile", "authors", "version"})
_IGNORED_FOLDERS = frozenset(
    {"__MACOSX", "__pycache__", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "lost+found"}
)
_UNFINISHED = frozenset({".part", ".crdownload", ".download", ".tmp", ".temp", ".ytdl", ".aria2", ".bak"})
# of these, a file is as often an animation as it is one image
MOVING = frozenset({".gif", ".webp", ".avif", ".tif", ".tiff"})
# so many numbered images are a series that is not torn apart
SERIES = 3

Kind = Literal["frames", "animation", "video"]


@dataclass
class Contents:
    """What lies directly in a folder, by kind; hidden files and folders are left out.

    Attributes:
        folders: names of the folders in it.
        images: files that are frames, should there be nothing else.
        other_images: images of kinds that are not read.
        videos: files that are videos.
        sounds: files that are sound.
        unknown: files of which neither name nor first bytes say what they are.
    """

    folders: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    other_images: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def is_media(name: str) -> bool:
    """Tell whether a file's name claims that it is a video, an image or sound."""
    suffix = suffix_of(name)
    return suffix in VIDEO_SUFFIXES or suffix in FRAME_SUFFIXES or suffix in _OTHER_IMAGES or suffix in _SOUND


def kind_of(path: Path) -> Kind:
    """Return what a path is if it is a clip: a folder of frames, an animation that only Pillow reads, or a video.

    It is not opened any further; whether a clip is there at all is found by decoding it.
    """
    if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises where a name is too long)
        return "frames"
    return "animation" if is_animated_webp(path) or is_stack(path) else "video"


def look(folder: Path) -> Contents:
    """List what lies directly in a folder, in natural order.

    Raises:
        OSError: the folder cannot be read.
    """
    found = Contents()
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                _kind_list(found, entry).append(entry.name)
    found.folders = [name for name in found.folders if name not in _IGNORED_FOLDERS]
    for names in (found.folders, found.images, found.other_images, found.videos, found.sounds, found.unknown):
        names.sort(key=natural_key)
    return found


def frames_of(folder: Path) -> Series:
    """Return the frames of a folder that is a clip, in their order in time.

    Raises:
        DecodeError: it cannot be read, is a folder of videos or of folders, or its images are not one series; the
            reason says what lies there and what to do.
    """
    try:
        contents = look(folder)
    except OSError as error:
        raise DecodeError(folder, f"cannot be read: {describe(error)}") from None
    if contents.videos:
        raise DecodeError(folder, _folder_of_videos(contents.videos, contents.images))
    moving = [name for name in contents.images[:1] if moves(folder / name)]
    if moving:
        moving = [name for name in contents.images if moves(folder / name)]
        if not are_covers(moving, contents.images):
            raise DecodeError(folder, _folder_of_animations(moving, contents.images))
    if not contents.images:
        raise DecodeError(folder, _no_frames(contents))
    series = arrange(name for name in contents.images if name not in moving)
    if series.fault:
        raise DecodeError(folder, series.fault)
    return _beside(folder, series, [*moving, *contents.other_images])


def _kind_list(found: Contents, entry: "os.DirEntry[str]") -> list[str]:
    """Return the list that an entry of a folder belongs to."""
    with suppress(OSError):  # such as a link to itself, which is reported when it is opened
        if entry.is_dir():
            return found.folders
    stem, suffix = os.path.splitext(entry.name.lower())  # noqa: PTH122 (of 10^5 names)
    if suffix in FRAME_SUFFIXES:
        return found.images
    if suffix in VIDEO_SUFFIXES:
        return found.videos
    if suffix in _OTHER_IMAGES:
        return found.other_images
    if suffix in _SOUND:
        return found.sounds
    if suffix in _PAPERS or (not suffix and stem in _PAPER_NAMES):
        return []
    content = "other" if suffix in _UNFINISHED else content_of(Path(entry.path))
    return {"video": found.videos, "image": found.images, "other": found.unknown}[content]


def moves(path: Path) -> bool:
    """Tell whether a file that may be a still image is an animation."""
    suffix = suffix_of(path.name)
    if suffix == ".webp":
        return is_animated_webp(path)
    if suffix == ".avif":
        return is_animated_avif(path)
    if suffix in (".tif", ".tiff"):
        return is_stack(path)
    return suffix in (".gif", ".png") and is_animated(path)


def are_covers(moving: list[str], images: list[str]) -> bool:
    """Tell whether animations lie beside a series of still frames and are not part of it."""
    rest = [name for name in images if name not in moving]
    return bool(moving) and len(runs(rest, SERIES)) == len(rest) > 0 and set(runs(images, 2)).isdisjoint(moving)


def _beside(folder: Path, series: Series, others: list[str]) -> Series:
    """Add to a series what lies beside it; it is a fault if that has frames of the series.

    Raises:
        DecodeError: so it is.
    """
    if not others:
        return series
    if not set(others).isdisjoint(arrange([*series.names, *others]).names):
        raise DecodeError(
            folder,
            f"{len(others)} of its {len(others) + len(series.names)} images are animations or of kinds that are not "
            f"read ({_some(others)}); convert them to JPEG or PNG",
        )
    remark = f"{_some(others)} {'is' if len(others) == 1 else 'are'} left out: not still images of a kind that is read"
    return replace(series, remark="; ".join(filter(None, (series.remark, remark))))


def _folder_of_videos(videos: list[str], images: list[str]) -> str:
    beside = f", beside {len(images)} images" if len(images) > 1 else ", beside an image" if images else ""
    way = "; if the images are the frames of one clip, take the videos out" if len(images) >= SERIES else ""
    return (
        f"is a folder of videos ({len(videos)}: {_some(videos)}{beside}) and not one clip; name the videos themselves, "
        f"or list them with `recircle index`{way}"
    )


def _folder_of_animations(moving: list[str], images: list[str]) -> str:
    stills = len(images) - len(moving)
    beside = f", beside {stills} still images" if stills > 1 else ", beside a still image" if stills else ""
    return (
        f"is a folder of animations ({len(moving)}: {_some(moving)}{beside}) and not one clip of still images; "
        "name the animations themselves, or list them with `recircle index`"
    )


def _no_frames(contents: Contents) -> str:
    if contents.other_images:
        kinds = ", ".join(sorted({suffix_of(name) for name in contents.other_images}))
        return f"holds {len(contents.other_images)} images of kinds that are not read ({kinds}); convert them to JPEG"
    if contents.folders:
        return (
            f"holds no frames itself, but {len(contents.folders)} folders ({_some(contents.folders)}); "
            "name the clips in them, or list them with `recircle index`"
        )
    others = [*contents.sounds, *contents.unknown]
    return f"holds no frames ({' '.join(sorted(FRAME_SUFFIXES))})" + (f", but {_some(others)}" if others else "")


def suffix_of(name: str) -> str:
    """Return the suffix of a file in small letters, such as .mp4; quickly, since it is asked of many files."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (of 10^5 names)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
