"""A clip in whatever form a caller has it, as a file or as frames."""

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from recircle.errors import UserError
from recircle.views.in_memory import InMemory, frames_in_memory

Clip = str | Path | bytes | IO[bytes] | InMemory
"""A video file or folder of frames, as a path; a file's bytes, or the file opened; or frames in memory."""


@contextmanager
def opened(clip: Clip) -> Iterator[Path | UInt8[Tensor, "T 3 H W"]]:
    """Yield the path of a clip, or its frames; bytes and open files lie in a file of their own meanwhile.

    Raises:
        UserError: it is something else.
    """
    if isinstance(clip, (str, Path)):
        yield Path(clip)
    elif isinstance(clip, (bytes, bytearray, memoryview)) or _is_file(clip):
        with tempfile.TemporaryDirectory(prefix="recircle-") as folder:
            # the suffix says how some files are read; the rest of the name is for errors
            path = Path(folder) / f"clip{Path(name_of(clip)).suffix if _is_file(clip) else ''}"
            with path.open("wb") as copy:
                shutil.copyfileobj(_binary(clip), copy)
            yield path
    else:
        yield frames_in_memory(clip)


def name_of(clip: object) -> str:
    """Return what to call a clip in a message."""
    if isinstance(clip, (str, Path)):
        return str(clip)
    name = getattr(clip, "name", None) if _is_file(clip) else None
    return name if isinstance(name, str) else f"a clip given as {type(clip).__name__}"


def _is_file(clip: object) -> bool:
    return hasattr(clip, "read") and not isinstance(clip, Image.Image)


def _binary(clip: Any) -> IO[bytes]:
    """Return an open file from which bytes can be read."""
    if not _is_file(clip):
        return io.BytesIO(clip)
    if isinstance(clip, io.TextIOBase):
        raise UserError(f"{name_of(clip)} is open as text; open it in binary mode, open(path, 'rb')")
    return clip
