"""Frames of a clip, by index: one function for video files and for folders of frames."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from recircle.data.decode_error import DecodeError
from recircle.data.decode_folder import select_images
from recircle.data.decode_pyav import select_frames
from recircle.data.preprocessing import Resize
from recircle.data.probe import Probe, probe

Backend = Literal["pyav", "torchcodec"]

__all__ = ["Backend", "DecodeError", "Probe", "decode", "probe"]


def decode(
    path: str | Path, indices: Sequence[int], *, resize: Resize | None = None, backend: Backend = "pyav"
) -> UInt8[Tensor, "T 3 H W"]:
    """Decode frames of a video file, or of a folder of frames.

    Indices count frames in the order in which they are shown, from 0. Decoding runs from the start of the file to the
    largest index. Frames are turned as the file's metadata say, and each is resized before the next is decoded, so
    that no more than one frame of full size is held. Pixels are taken as square.

    Args:
        path: the clip. In a folder, the images in the natural order of their names are the frames.
        indices: which frames; in any order, repeats allowed.
        resize: the size to bring them to; None keeps theirs.
        backend: what decodes video files; frames are the same.

    Returns:
        RGB values 0..255.

    Raises:
        DecodeError: a frame cannot be decoded, or there are fewer frames. Nothing is put in its place.
        UserError: `backend` is "torchcodec" and that does not load.
        ValueError: `indices` is empty or has a negative one, or `backend` is unknown.
    """
    path = Path(path)
    places: dict[int, list[int]] = {}
    for place, index in enumerate(indices):
        places.setdefault(int(index), []).append(place)
    wanted = sorted(places)
    if not wanted or wanted[0] < 0:
        raise ValueError(f"indices={list(indices)}: give one or more, each 0 or above")
    result: Tensor | None = None
    for index, image in zip(wanted, _select(path, wanted, backend)):
        frame = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
        if resize is not None:
            frame = resize.apply(frame[None])[0]
        if result is None:
            result = torch.empty((len(indices), *frame.shape), dtype=torch.uint8)
        for place in places[index]:
            result[place] = frame
    assert result is not None
    return result


def _select(path: Path, wanted: list[int], backend: str) -> Iterator[NDArray[np.uint8]]:
    if backend not in get_args(Backend):
        raise ValueError(f"backend={backend!r} is unknown; use one of {', '.join(get_args(Backend))}")
    if path.is_dir():
        return select_images(path, wanted)
    if backend == "pyav":
        return select_frames(path, wanted)
    from recircle.data.decode_torchcodec import select_frames_torchcodec

    return select_frames_torchcodec(path, wanted)
