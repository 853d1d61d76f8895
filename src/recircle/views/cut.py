"""From a clip to the uint8 views a model is tested on; evaluation and prediction both come through here."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from recircle.decode.frame_cache import FrameCache
from recircle.decode.frames import Backend, DecodeError, decode, resize_images
from recircle.decode.pool import DecoderPool
from recircle.decode.timeline import Timeline
from recircle.decode.whole_file import read_whole_file
from recircle.errors import UserError
from recircle.views.crops import Crops, crop_boxes, view_size
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling


def file_views(
    path: Path,
    clip: int | Timeline,
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
        clip: the number of frames that can be decoded, or when they are shown.
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
        DecodeError: the file cannot be read, or has fewer frames.
        UserError: the crop does not fit in the resized frame, or decoded frames cannot be kept in `cache`; or
            `sampling` needs a frame rate, and the clip's is not known.
    """
    indices = sampling.test(clip, clips)
    wanted, resize = indices.flatten().tolist(), preprocessing.resizer
    if cache is None:
        frames = decode(path, wanted, resize=resize, backend=backend, memory_format=torch.channels_last)
    else:
        count = clip if isinstance(clip, int) else clip.frames
        frames = FrameCache(cache).frames(path, count, wanted, resize=resize, backend=backend)
    return _cut_views(frames, indices, preprocessing, crops)


def whole_file_views(
    path: Path,
    *,
    sampling: Sampling,
    preprocessing: Preprocessing,
    clips: int = 1,
    crops: Crops = 1,
    decoders: DecoderPool | None = None,
) -> UInt8[Tensor, "V T 3 h w"]:
    """Decode a file or folder to its end, and return its test views; otherwise as `file_views`.

    Args:
        path: the file or folder.
        sampling: which frames make a clip.
        preprocessing: how they are resized and cropped; they are not normalised here.
        clips: views in time.
        crops: views in space.
        decoders: processes that decode; None decodes in this one, which a hostile file can crash or hold up.

    Raises:
        DecodeError: the file cannot be decoded to its end; or `sampling` needs a frame rate, and the clip's is not
            known.
        UserError: the crop does not fit in the resized frame, or the processes do not start.
    """
    with nullcontext(read_whole_file(path)) if decoders is None else decoders.whole_file(path) as file:
        try:
            sampling.check(file.found.timeline)
        except UserError as error:
            raise DecodeError(path, str(error)) from None
        indices = sampling.test(file.found.timeline, clips)
        wanted, places = np.unique(indices, return_inverse=True)
        frames = resize_images(file.images(wanted.tolist()), len(wanted), preprocessing.resizer)
    return _cut_views(frames[places.flatten()], indices, preprocessing, crops)


def frame_views(
    frames: UInt8[Tensor, "N 3 H W"],
    *,
    sampling: Sampling,
    preprocessing: Preprocessing,
    clips: int = 1,
    crops: Crops = 1,
    fps: float = 0.0,
) -> UInt8[Tensor, "V T 3 h w"]:
    """Cut the test views of a clip that is in memory already; otherwise as `file_views`.

    Args:
        frames: all of the clip, uint8.
        sampling: as for `file_views`.
        preprocessing: likewise.
        clips: likewise.
        crops: likewise.
        fps: frames a second; 0 where that is not known.
    """
    indices = sampling.test(Timeline(len(frames), fps), clips)
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
