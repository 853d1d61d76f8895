"""Decoded frames kept on disk, for data sets so small that each epoch decodes the same clips again."""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.lib.format import open_memmap
from torch import Tensor

from recircle.decode.frames import Backend, DecodeError, decode
from recircle.decode.part import split_part
from recircle.decode.resize import Resize
from recircle.errors import UserError

# part of each name: with another layout of the files, those of an earlier version are not found
_LAYOUT = 1


@dataclass(frozen=True)
class FrameCache:
    """A folder of clips that are decoded and resized, each whole, as uint8 arrays [frames, H, W, 3].

    A clip is found again by its path, its size, the time of its last change, the number of its frames and the size
    they are brought to. Of a folder of frames, the number of entries and the time at which one was last added or
    removed count; an image that is overwritten in its place is not noticed.

    Processes and runs may share a folder. Nothing is ever taken out of it; to make room, delete it when no run
    uses it.

    Attributes:
        folder: where the files lie; made when the first clip is kept.
    """

    folder: Path

    def frames(
        self, path: Path, count: int, indices: Sequence[int], *, resize: Resize | None, backend: Backend
    ) -> UInt8[Tensor, "T 3 H W"]:
        """Return frames of a clip, the same bytes as `decode` gives, and decode it only if it is not kept yet.

        A clip that cannot be kept, because one of its `count` frames does not decode, is decoded each time as far as
        it is wanted.

        Args:
            path: the video file or frame folder.
            count: the number of frames that can be decoded.
            indices: which frames; in any order, repeats allowed.
            resize: the size to bring them to; None keeps theirs.
            backend: what decodes video files; frames are the same, so that it does not matter which one made the file.

        Returns:
            RGB values 0..255, in the memory format channels_last.

        Raises:
            DecodeError: a wanted frame cannot be decoded, or there are fewer frames.
            UserError: the frames cannot be written; or `backend` is "torchcodec" and that does not load.
            ValueError: `indices` is empty or has a negative one.
        """
        clip = self._clip(path, count, indices, resize, backend)
        if clip is None:
            return decode(path, indices, resize=resize, backend=backend, memory_format=torch.channels_last)
        # indexing copies: what is returned can be written to, and does not keep the file open
        return torch.from_numpy(np.asarray(clip[list(indices)])).permute(0, 3, 1, 2)

    def _clip(
        self, path: Path, count: int, indices: Sequence[int], resize: Resize | None, backend: Backend
    ) -> UInt8[np.ndarray, "N H W 3"] | None:
        """Return the whole clip [count, H, W, 3]; None leaves what is asked for, or its error, to the decoder."""
        if not indices or min(indices) < 0 or max(indices) >= count:
            return None
        try:
            file = self.folder / _name(path, count, resize)
        except (OSError, DecodeError):
            return None
        clip = _read(file, count)
        if clip is not None:
            return clip
        try:
            frames = decode(path, range(count), resize=resize, backend=backend, memory_format=torch.channels_last)
        except DecodeError:
            return None
        clip = frames.permute(0, 2, 3, 1).numpy()
        self._write(file, clip)
        return clip

    def _write(self, file: Path, clip: UInt8[np.ndarray, "N H W 3"]) -> None:
        # a name of its own for each writer, since several may decode a clip at once, on several machines too. Not
        # `atomic_write`: waiting for the disk takes longer than decoding, and a file cut short by a crash is noticed
        temporary = file.with_name(f".{file.stem}.{os.getpid()}-{uuid4().hex}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as handle:
                    np.save(handle, clip)
                temporary.replace(file)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise UserError(
                f"{self.folder}: decoded frames cannot be kept there ({error.strerror or error}); "
                "free space, name another folder, or train without data.cache"
            ) from None


def _name(path: Path, count: int, resize: Resize | None) -> Path:
    """Return where in the cache a clip lies.

    Raises:
        OSError: the clip is not there.
    """
    path = path.absolute()
    file, _ = split_part(path)
    status = file.stat()
    size = sum(1 for _ in file.iterdir()) if stat.S_ISDIR(status.st_mode) else status.st_size
    key = (_LAYOUT, str(path), size, status.st_mtime_ns, count, None if resize is None else resize.size)
    digest = hashlib.sha256(repr(key).encode()).hexdigest()
    # a folder with a file for each of many clips would be slow to list
    return Path(digest[:2], f"{digest[2:]}.npy")


def _read(file: Path, count: int) -> UInt8[np.ndarray, "N H W 3"] | None:
    """Map the array of a clip into memory; None if the file is missing or damaged."""
    try:
        clip = open_memmap(file, mode="r")
    except Exception:  # whatever is wrong with a file, it can be made again
        return None
    fits = clip.dtype == np.uint8 and clip.ndim == 4 and (clip.shape[0], clip.shape[3]) == (count, 3)
    return clip if fits else None
