"""Finding the clips that a user's list names: paths of another machine, of another system, or without a suffix."""

import os
import re
import unicodedata
import warnings
from pathlib import Path
from urllib.parse import unquote

from recircle.decode.media import VIDEO_SUFFIXES, is_media
from recircle.errors import UserError


class ListPlaces:
    """The files around a list; each folder is read once.

    Args:
        root: the list's folder, which its paths are relative to.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, _Folder] = {}
        self._guesses: dict[str, list[tuple[str, str]]] = {}

    def find(self, text: str, where: str = "") -> str | None:
        """Return the path of the clip that a list names, or None if nothing is there.

        A path that is absolute, and is there, stays absolute; others are relative to the root, with forward slashes.
        An absolute path of another machine, of Windows too, is looked for by its last parts; a name without a suffix by
        that of a video; and a name that is written otherwise than the file's, in another Unicode form or case of
        letters, if only one file fits. `tell` says what was guessed.

        Args:
            text: the path as the list has it.
            where: the place in the list, for errors.

        Raises:
            UserError: several files fit, or it is an address of the web.
        """
        plain = _plain(text)
        if found := self._complete(plain, where):
            return found
        if where and re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", plain):
            raise UserError(
                f"{where}: {text!r} is an address, and clips are read from disk; list the files it leads to"
            )
        slashed = plain.replace("\\", "/")
        if slashed != plain and not _is_absolute(plain) and (found := self._complete(slashed, where)):
            return found
        return self._by_last_parts(slashed, where)

    def has(self, text: str) -> bool:
        """Tell whether `find` would find something, or several."""
        try:
            return bool(text) and self.find(text) is not None
        except UserError:
            return True

    def place(self, text: str) -> str:
        """Return where a clip that is not there ought to lie, in the terms of a manifest."""
        plain = _plain(text)
        return plain if _is_absolute(plain) else Path(os.path.normpath(plain)).as_posix()

    def tell(self, source: Path) -> None:
        """Warn of what was found otherwise than the list names it."""
        for kind, cases in self._guesses.items():
            text, found = cases[0]
            warnings.warn(f"{source}: {len(cases)} clips {kind}, such as {text!r}: {found} is taken", stacklevel=4)

    def _by_last_parts(self, text: str, where: str) -> str | None:
        parts = [part for part in re.sub(r"^[A-Za-z]:", "", text).split("/") if part not in ("", ".")]
        if ".." in parts:
            return None
        if _is_absolute(text):
            tails = [parts[dropped:] for dropped in range(len(parts))]
        else:
            # relative to a folder above the list's own
            tails = [parts[n:] for n in range(1, len(parts)) if tuple(parts[:n]) == self._root.parts[-n:]]
        found = dict.fromkeys(place for tail in tails if (place := self._complete("/".join(tail), where)))
        if not found:
            return None
        first, *others = found
        kind = "are found by the last parts of their paths alone"
        if others:
            kind = f"may lie at several places by the last parts of their paths ({', '.join(found)})"
        self._guesses.setdefault(kind, []).append((text, first))
        return first

    def _complete(self, text: str, where: str) -> str | None:
        """Return the path of the file of this name, or of the only one whose name means the same."""
        folder, name = os.path.split(os.path.normpath(text))
        known = self._folder(folder)
        found = known.find(name, f"{where}: {text!r}" if where else repr(text))
        if found is None:
            return None
        path = os.path.join(known.path, found)  # noqa: PTH118 (lists have 10^5 lines, and Path objects take their time)
        if _is_other_case(text, path):
            self._guesses.setdefault("are named in another case of letters than the files", []).append((text, path))
        return path

    def _folder(self, folder: str) -> "_Folder":
        """Return a folder, whose name may be written in another Unicode form or case."""
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self._read(folder)
        return known

    def _read(self, folder: str) -> "_Folder":
        try:
            return _Folder(folder, sorted(entry.name for entry in (self._root / folder).iterdir()))
        except OSError:
            above, name = os.path.split(folder)
            if not name or name == "..":
                return _Folder(folder, ())
        parent = self._folder(above)
        found = parent.find(name, repr(folder))
        if found is None or found == name:
            return _Folder(folder, ())
        return self._read(os.path.join(parent.path, found))  # noqa: PTH118


class _Folder:
    """The names in a folder, by all that a list may call them."""

    def __init__(self, path: str, names: "list[str] | tuple[str, ...]") -> None:
        self.path = path
        self._names = frozenset(names)
        self._others: tuple[dict[str, list[str]], ...] = ({}, {}, {})
        composed, stems, folded = self._others
        for name in names:
            composed.setdefault(_composed(name), []).append(name)
            folded.setdefault(_composed(name).casefold(), []).append(name)
            if is_media(name):
                stems.setdefault(_composed(Path(name).stem), []).append(name)

    def find(self, name: str, what: str) -> str | None:
        """Return the name of the file, or of the only one that is meant.

        Raises:
            UserError: several are.
        """
        if name in self._names:
            return name
        composed, stems, folded = self._others
        for candidates in (
            composed.get(_composed(name)),
            stems.get(_composed(name)),
            folded.get(_composed(name).casefold()),
        ):
            if candidates and len(candidates) > 1:
                # a picture or the sound beside a video
                videos = [candidate for candidate in candidates if Path(candidate).suffix.lower() in VIDEO_SUFFIXES]
                if len(videos) != 1:
                    raise UserError(
                        f"{what} may be {' or '.join(candidates[:3])}; write the name of the one that is meant"
                    )
                return videos[0]
            if candidates:
                return candidates[0]
        return None


def _plain(text: str) -> str:
    if text.lower().startswith("file://"):
        text = unquote(re.sub(r"^file://(localhost)?", "", text, flags=re.IGNORECASE))
        return text[1:] if re.match(r"/[A-Za-z]:", text) else text
    return text


def _is_absolute(text: str) -> bool:
    """Tell whether a path is absolute, here or on Windows."""
    return os.path.isabs(text) or re.match(r"[A-Za-z]:[\\/]|\\\\", text) is not None  # noqa: PTH117


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _is_other_case(text: str, path: str) -> bool:
    asked, found = _composed(os.path.normpath(text)), _composed(path)
    return not found.startswith(asked) and found.casefold().startswith(asked.casefold())
