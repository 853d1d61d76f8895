"""The clips under a folder, and what is there beside them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recircle.decode.companions import files_beside, folders_beside
from recircle.decode.media import MOVING, SERIES, Contents, are_covers, look, moves, suffix_of
from recircle.decode.natural import natural_key
from recircle.decode.pyav import describe
from recircle.decode.series import runs
from recircle.errors import UserError


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


@dataclass(frozen=True)
class Search:
    """What lies under a folder; all paths are relative to it.

    Attributes:
        clips: in natural order of their paths.
        unknown: files that are not media as far as their names and first bytes tell, nor papers.
        empty: folders without a clip, the uppermost of each.
        unreadable: what could not be looked into, with the reason.
        links: links that lead back to a folder above, and were not followed.
        beside_videos: numbered images that lie beside videos, and were not taken for clips.
        beside_folders: folders of frames that have further clips below them.
        companions: files and folders that belong to a clip beside them, and were not taken for clips.
    """

    clips: tuple[Found, ...]
    unknown: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    beside_videos: tuple[str, ...] = ()
    beside_folders: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()


def search(folder: Path) -> Search:
    """Find all clips under a folder.

    A folder that holds images and no videos is one clip of frames; any other file that is a video, by its name or its
    first bytes, is a clip. Images beside videos are clips of one frame, unless they are numbered: then they are no
    clips at all, and are reported; so is what belongs to a clip beside it, as `companions` says.

    Raises:
        UserError: the folder itself cannot be read.
    """
    walk = _Walk(folder)
    try:
        contents = look(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {describe(error)}") from None
    clips = sorted(walk.clips(contents, (), frozenset()), key=_order)
    empty = [path for path in walk.empty if not any(path.startswith(f"{above}/") for above in walk.empty)]
    return Search(
        tuple(clips),
        unknown=_sorted(walk.unknown),
        empty=_sorted(empty),
        unreadable=_sorted(walk.unreadable),
        links=_sorted(walk.links),
        beside_videos=_sorted(walk.beside_videos),
        beside_folders=_sorted(walk.beside_folders),
        companions=_sorted(walk.companions),
    )


def find_media(folder: Path) -> tuple[Found, ...]:
    """Return all clips under a folder, in natural order of their paths.

    Raises:
        UserError: the folder itself cannot be read.
    """
    return search(folder).clips


class _Walk:
    """A search that is under way, with what it leaves out."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.unknown: list[str] = []
        self.empty: list[str] = []
        self.unreadable: list[str] = []
        self.links: list[str] = []
        self.beside_videos: list[str] = []
        self.beside_folders: list[str] = []
        self.companions: list[str] = []

    def clips(self, contents: Contents, parts: tuple[str, ...], above: frozenset[Path]) -> Iterator[Found]:
        """Yield the clips in a folder and below."""
        folder = self._root.joinpath(*parts)
        self.unknown += [_join(parts, name) for name in contents.unknown]
        above = above | {folder.resolve()}
        companions = set(folders_beside(contents.folders))
        self.companions += [_join(parts, name) for name in contents.folders if name in companions]
        folders = [name for name in contents.folders if name not in companions]
        below = [found for name in folders for found in self._below((*parts, name), above)]
        videos, images = self._divide(folder, contents)
        if videos:
            # a GIF that does not move beside videos is more likely a damaged clip than a frame, and gets its verdict
            videos += [name for name in images if suffix_of(name) == ".gif"]
            images = [name for name in images if name not in videos]
            series = set(runs(images, SERIES))
            self.beside_videos += [_join(parts, name) for name in images if name in series]
            stills = [name for name in images if name not in series]
            others = (*contents.sounds, *contents.other_images)
            companions = set(files_beside(videos, (*contents.sounds, *stills)))
            self.companions += [_join(parts, name) for name in (*videos, *others, *stills) if name in companions]
            yield from (Found((*parts, name)) for name in (*videos, *others) if name not in companions)
            yield from (Found((*parts, name), is_still=True) for name in stills if name not in companions)
        elif images or contents.other_images:
            if not below:
                yield Found(parts, is_folder=True)
            elif runs(images, SERIES):
                self.beside_folders.append("/".join(parts) or ".")
                yield Found(parts, is_folder=True)
            else:
                yield from (Found((*parts, name), is_still=True) for name in (*images, *contents.other_images))
        else:
            yield from (Found((*parts, name)) for name in contents.sounds)
        yield from below

    def _below(self, parts: tuple[str, ...], above: frozenset[Path]) -> list[Found]:
        folder = self._root.joinpath(*parts)
        path = "/".join(parts)
        try:
            if folder.resolve() in above:
                self.links.append(path)
                return []
            found = list(self.clips(look(folder), parts, above))
        except (OSError, RuntimeError) as error:  # the latter for links in a circle
            self.unreadable.append(f"{path}: {describe(error)}")
            return []
        if not found:
            self.empty.append(path)
        return found

    def _divide(self, folder: Path, contents: Contents) -> tuple[list[str], list[str]]:
        """Return the files that are clips of their own, and the images that are not."""
        first = contents.images[:1]  # of a folder full of PNG, one is opened
        moving = [name for name in contents.images if suffix_of(name) in MOVING or name in first]
        moving = [name for name in moving if moves(folder / name)]
        if not contents.videos and (are_covers(moving, contents.images) or _are_among_frames(moving, contents.images)):
            return [], contents.images
        return [*contents.videos, *moving], [name for name in contents.images if name not in moving]


def _join(parts: tuple[str, ...], name: str) -> str:
    return "/".join((*parts, name))


def _order(clip: Found) -> list[Any]:
    return [natural_key(part) for part in clip.parts]


def _sorted(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths, key=natural_key))


def _are_among_frames(moving: list[str], images: list[str]) -> bool:
    """Tell whether some animations stand in one series with as many still frames or more, which is then at fault."""
    return 0 < 2 * len(moving) <= len(images) == len(runs(images, 2))
