"""The clips that the words of a command line name: files, folders of frames, folders of clips, patterns."""

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from recircle.decode.media_search import search
from recircle.decode.natural import natural_key
from recircle.errors import UserError
from recircle.layouts.folder_per_class import warn_left_out

STANDARD_INPUT = "-"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def clips_named(words: Iterable[str]) -> Iterator[Path]:
    """Yield the clips that words name, in the order of the words.

    A folder of frames is one clip; of any other folder, all clips below it are meant, as `recircle index` finds them. A
    pattern such as "clips/**/*.mp4" is expanded where no file has that name. "-" stands for the paths that standard
    input gives, one a line, or each with a null character after it (`find -print0`).

    Raises:
        UserError: a word is a URL, or no file fits a pattern.
    """
    for word in words:
        if word == STANDARD_INPUT:
            for path in _given():
                yield from _below(path)
        else:
            for path in _expanded(word):
                yield from _below(path)


def _given() -> list[Path]:
    """Return the paths that standard input holds; names need not be Unicode."""
    content = sys.stdin.buffer.read()
    lines = content.split(b"\0") if b"\0" in content else content.splitlines()
    return [Path(_local(os.fsdecode(line))) for line in lines if line.strip()]


def _expanded(word: str) -> list[Path]:
    path = Path(_local(word))
    # of a part of a video, what stands before it is the name of a file
    if os.path.lexists(path) or os.path.lexists(word.partition("#t=")[0]) or not glob.has_magic(word):
        return [path]
    found = sorted(glob.glob(word, recursive=True), key=natural_key)  # noqa: PTH207 (Path.glob takes no absolute one)
    if not found:
        raise UserError(f"no file fits the pattern {word!r}; ** stands for folders at any depth")
    return [Path(name) for name in found]


def _local(word: str) -> str:
    if _URL.match(word):
        raise UserError(f"{word} is a URL, and clips are read from files; download it first, and give the file")
    return word


def _below(path: Path) -> Iterator[Path]:
    """Yield the clips below a folder of clips; or the path itself, of which its reader tells what is wrong with it."""
    if not os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises where a name is too long)
        yield path
        return
    try:
        found = search(path)
    except UserError:
        yield path
        return
    if not found.clips or any(not clip.parts for clip in found.clips):
        yield path
        return
    warn_left_out(path, found)
    for clip in found.clips:
        yield path.joinpath(*clip.parts)
