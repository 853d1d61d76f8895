"""Where the lists and the clips of a data set lie: under their first names, or where the usual tools put them."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from recircle.decode.media_search import find_media
from recircle.errors import UserError
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import read_table

_LIST_FOLDERS = ("", "annotations", "labels")
FAMILIES = "fine_to_coarse.csv"
"""The published grouping of the classes of Something-Something into families; optional."""


def find_list(folder: Path, names: Sequence[str]) -> Path | None:
    """Return the first list of these names in the folder, `annotations` or `labels`."""
    places = (folder / below / name for name in names for below in _LIST_FOLDERS)
    return next((place for place in places if place.is_file()), None)


def need_list(folder: Path, names: Sequence[str]) -> Path:
    """Return the first list of these names.

    Raises:
        UserError: there is none.
    """
    found = find_list(folder, names)
    if found is None:
        raise UserError(
            f"{folder}: {' or '.join(names)} is missing, here and in annotations/ and labels/; "
            "take the list that comes with the data set"
        )
    return found


class Places:
    """The clips that lie in some folders, videos or folders of frames, to be found by their names.

    Args:
        root: the data set's folder.
        folders: names of the folders below it that may hold clips, at any depth; those that are not there are passed
            over.

    Raises:
        UserError: none of the folders is there.
    """

    def __init__(self, root: Path, folders: Sequence[str]) -> None:
        self._root = root
        there = [name for name in folders if (root / name).is_dir()]
        if not there:
            raise UserError(
                f"{root}: no folder of clips is there; looked for {', '.join(f'{name}/' for name in folders)}"
            )
        self._first = there[0]
        self._paths: dict[str, list[str]] = {}
        self._taken: set[str] = set()
        for name in there:
            for clip in find_media(root / name):
                if clip.is_still:  # a picture beside the clips
                    continue
                last = (name, *clip.parts)[-1]
                stem = last if clip.is_folder else last.rpartition(".")[0] or last
                self._paths.setdefault(stem, []).append("/".join((name, *clip.parts)))

    def find(self, name: str, within: str = "") -> str | None:
        """Return the path of the clip of that name (without the suffix of a video), relative to the root.

        Args:
            name: of the file or folder.
            within: the name of a folder that has to lie above it, in any case of letters.
        """
        part = f"/{within.lower()}/"
        for path in self._paths.get(name, ()):
            if not within or part in f"/{path.lower()}":
                self._taken.add(path)
                return path
        return None

    def take(self, name: str, suffix: str, within: str = "") -> str:
        """Return the path of a clip that a list names, or where it ought to lie if it is missing."""
        above = f"{self._first}/{within}" if within else self._first
        return self.find(name, within) or f"{above}/{name}{suffix}"

    def left(self) -> set[str]:
        """Return the clips that nobody has asked for; the frames of a video that was taken are none."""
        return {path for paths in self._paths.values() if self._taken.isdisjoint(paths) for path in paths}

    def check_some(self, listed: Sequence[Clip]) -> None:
        """Stop if not a single clip of the lists was found: then the folder is the wrong one.

        Raises:
            UserError: so it is.
        """
        if listed and not self._taken:
            raise UserError(
                f"{self._root}: none of the {len(listed)} clips that the lists name is there, such as "
                f"{listed[0].path} (or a folder of its frames); give the folder that holds the clips of these lists"
            )


def add_families(folder: Path, clips: list[Clip]) -> list[Clip]:
    """Return the clips with the family of their class, where the table of families lies in the folder."""
    table = find_list(folder, (FAMILIES,))
    if table is None:
        return clips
    families = {
        row["fine_grained_class"].replace("[", "").replace("]", ""): row["coarse_grained_class"]
        for _, row in read_table(table, ("fine_grained_class", "coarse_grained_class")).rows()
    }
    without = sorted({clip.label for clip in clips if clip.label} - set(families))
    if without:
        warnings.warn(f"{table} has no family for {len(without)} classes, such as {without[0]!r}", stacklevel=3)
    return [replace(clip, parent=families.get(clip.label, "")) for clip in clips]
