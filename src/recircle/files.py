"""Files that are there whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def atomic_write(path: Path, content: bytes | str | Callable[[Path], object]) -> None:
    """Write a file so that a reader, or a crash at any moment, finds the old content or the new, never a part.

    Args:
        path: the file; its folder must exist.
        content: the bytes or text (written as UTF-8; bytes of a file name that are not UTF-8 stay what they are), or a
            function that writes them to the path it is given.
    """
    # beside the target, since a rename is atomic within one file system only; the id keeps processes apart
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(content.encode(errors="surrogateescape") if isinstance(content, str) else content)
        _sync(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        _sync(path.parent)


def _sync(path: Path) -> None:
    """Force a file's content, or a folder's entries, to the disk."""
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
