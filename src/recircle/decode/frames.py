"""Frames of a clip, by index: one function for video files and for folders of frames."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from recircle.decode.error import DecodeError
from recircle.decode.media import kind_of
from recircle.decode.part import split_part
from recircle.decode.probe import Probe, probe
from recircle.decode.resize import Resampling
from recircle.decode.whole_file import select

Backend = Literal["pyav", "torchcodec"]

# bytes of full-size frames that are resized at once: one by one, the calls cost as much as the resizing of small frames
_BATCH = 2**23

__all__ = ["Backend", "DecodeError", "Probe", "decode", "probe"]


def decode(
    path: str | Path,
    indices: Sequence[int],
    *,
    resize: Resampling | None = None,
    backend: Backend = "pyav",
    memory_format: torch.memory_format = torch.contiguous_format,
) -> UInt8[Tensor, "T 3 H W"]:
    """Decode frames of a video file, or of a folder of frames.

    Indices count frames in the order in which they are shown, from 0. Decoding runs from the start of the file to the
    largest index; of a part of a video, from the last frame before it that can be decoded alone. Frames are turned as
    the file's metadata say, and resized a few at a time, so that of large ones no more than one is held in full size.
    Pixels are taken as square.

    Args:
        path: the clip. In a folder, the images in the order of the numbers in their names are the frames. Behind the
            path of a video, `#t=12.5,17.25` makes a part of it the clip, in seconds after its first frame.
        indices: which frames; in any order, repeats allowed.
        resize: brings them to another size; None keeps theirs.
        backend: what decodes video files; frames are the same.
        memory_format: of the result. `torch.channels_last` is the order in which frames come from a decoder: it is
            made without a transposition, and resized faster afterwards.

    Returns:
        RGB values 0..255.

    Raises:
        DecodeError: a frame cannot be decoded, or there are fewer frames. Nothing is put in its place.
        UserError: `backend` is "torchcodec" and that does not load.
        ValueError: `indices` is empty or has a negative one, or `backend` is unknown.
    """
    path = Path(path)
    wanted, places = np.unique(np.asarray(indices, np.int64), return_inverse=True)
    if not len(wanted) or wanted[0] < 0:
        raise ValueError(f"indices={list(indices)}: give one or more, each 0 or above")
    frames = resize_images(read_frames(path, wanted.tolist(), backend), len(wanted), resize)
    if not np.array_equal(places, np.arange(len(wanted))):
        frames = frames[torch.from_numpy(places)]
    return frames.contiguous(memory_format=memory_format)


def read_frames(path: Path, wanted: list[int], backend: Backend) -> Iterator[NDArray[np.uint8]]:
    """Decode the frames with these indices (ascending, each once), one at a time, as RGB [H, W, 3].

    Raises:
        DecodeError: the clip cannot be decoded so far, or has fewer frames.
        UserError: `backend` is "torchcodec" and that does not load.
        ValueError: `backend` is unknown.
    """
    if backend not in get_args(Backend):
        raise ValueError(f"backend={backend!r} is unknown; use one of {', '.join(get_args(Backend))}")
    file, part = split_part(path)
    if backend == "pyav" or kind_of(file) != "video":
        return select(path, wanted)
    from recircle.decode.torchcodec import select_frames_torchcodec

    return select_frames_torchcodec(file, wanted, part)


def resize_images(
    images: Iterator[NDArray[np.uint8]], count: int, resize: Resampling | None
) -> UInt8[Tensor, "count 3 H W"]:
    """Return `count` RGB images [H, W, 3] of one size, resized, as a tensor of the memory format channels_last."""
    parts = [batch if resize is None else resize.apply(batch) for batch in _batches(images, count)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _batches(images: Iterator[NDArray[np.uint8]], count: int) -> Iterator[UInt8[Tensor, "n 3 H W"]]:
    """Copy images into tensors of at most `_BATCH` bytes (or one image)."""
    batch: NDArray[np.uint8] | None = None
    filled = 0
    for number, image in enumerate(images):
        if batch is None:
            room = min(count - number, max(1, _BATCH // image.nbytes))
            batch, filled = np.empty((room, *image.shape), np.uint8), 0
        batch[filled] = image
        filled += 1
        if filled == len(batch):
            # channels stay last in memory, in which order resizing is twice as fast
            yield torch.from_numpy(batch).permute(0, 3, 1, 2)
            batch = None
