"""From a clip to the uint8 views a model is tested on; evaluation and prediction both come through here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from recircle.data.crops import Crops, crop_boxes, view_size
from recircle.data.decode import Backend, DecodeError, decode, resize_images
from recircle.data.frame_cache import FrameCache
from recircle.data.preprocessing import Preprocessing
from recircle.data.probe import probe
from recircle.data.sampling import Sampling

# bytes, as RGB, of the frames of a clip that are held at once: 10 seconds of 640 x 360 pixels, 30 frames a second
_HELD = 2**28


def file_views(
    path: Path,
    count: int,
    *,
    sampling: Sampling,
    preprocessing: Preprocessing,
    clips: int = 1,
    crops: Crops = 1,
    backend: Backend = "pyav",
    cache: Path | None = None,
) -> UInt8[Tensor, "V T 3 h w"]:
    """Decode the test views of a video file or frame folder.

    Args:
        path: the file or folder.
        count: the number of frames that can be decoded.
        sampling: which frames make a clip.
        preprocessing: how they are resized and cropped; they are not normalised here.
        clips: views in time.
        crops: views in space.
        backend: what decodes.
        cache: folder in which decoded frames are kept; None keeps none.

    Returns:
        uint8 views, V = clips * crops, with all crops of the first clip first. In memory, the channels of a pixel lie
        side by side, as they come from the decoder and as networks in evaluation want them.

    Raises:
        DecodeError: the file cannot be read, or has fewer frames than `count`.
        UserError: the crop does not fit in the resized frame, or decoded frames cannot be kept in `cache`.
    """
    indices = sampling.test(count, clips)
    wanted, resize = indices.flatten().tolist(), preprocessing.resizer
    if cache is None:
        frames = decode(path, wanted, resize=resize, backend=backend, memory_format=torch.channels_last)
    else:
        frames = FrameCache(cache).frames(path, count, wanted, resize=resize, backend=backend)
    return _cut_views(frames, indices, preprocessing, crops)


def whole_file_views(
    path: Path, *, sampling: Sampling, preprocessing: Preprocessing, clips: int = 1, crops: Crops = 1
) -> UInt8[Tensor, "V T 3 h w"]:
    """Decode a file or folder to its end, and return its test views; otherwise as `file_views`.

    The count that a container declares is often wrong or missing, so that which frames are wanted is known at the end
    only. Until then they are held as they were decoded; a clip that is too large for that is decoded again.

    Raises:
        DecodeError: the file cannot be decoded to its end.
        UserError: the crop does not fit in the resized frame.
    """
    held: list[Callable[[], NDArray[np.uint8]]] = []
    room = _HELD

    def hold(read: Callable[[], NDArray[np.uint8]], size: int) -> None:
        nonlocal room
        room -= size
        if room >= 0:
            held.append(read)
        else:
            held.clear()

    found = probe(path, hold)
    if found.status == "broken":
        raise DecodeError(path, found.fault or "it cannot be decoded")
    if not held:
        options = {"sampling": sampling, "preprocessing": preprocessing, "clips": clips, "crops": crops}
        return file_views(path, found.frames, **options)
    indices = sampling.test(found.frames, clips)
    wanted, places = np.unique(indices, return_inverse=True)
    frames = resize_images((held[index]() for index in wanted), len(wanted), preprocessing.resizer)
    return _cut_views(frames[places.flatten()], indices, preprocessing, crops)


def frame_views(
    frames: UInt8[Tensor, "N 3 H W"],
    *,
    sampling: Sampling,
    preprocessing: Preprocessing,
    clips: int = 1,
    crops: Crops = 1,
) -> UInt8[Tensor, "V T 3 h w"]:
    """Cut the test views of a clip that is in memory already; otherwise as `file_views`."""
    indices = sampling.test(len(frames), clips)
    # clips share frames when they overlap, and short clips repeat some: each is resized once
    unique, places = np.unique(indices, return_inverse=True)
    resized = preprocessing.resizer.apply(frames[unique.tolist()])
    return _cut_views(resized[places.flatten()], indices, preprocessing, crops)


def _cut_views(
    frames: UInt8[Tensor, "N 3 H W"], indices: Int64[np.ndarray, "clips T"], preprocessing: Preprocessing, crops: Crops
) -> UInt8[Tensor, "V T 3 h w"]:
    boxes = crop_boxes(frames.shape[-2], frames.shape[-1], view_size(preprocessing, crops), crops)
    clips = frames.unflatten(0, indices.shape)
    if len(boxes) == 1:
        return boxes[0].cut(clips)
    views = torch.stack([box.cut(clips).movedim(-3, -1) for box in boxes], dim=1)
    return views.movedim(-1, -3).flatten(0, 1)
