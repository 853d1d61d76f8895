"""From a clip to the uint8 views a model is tested on; evaluation and prediction both come through here."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from recircle.decode.frame_cache import FrameCache
from recircle.decode.frame_times import FrameTimes
from recircle.decode.frames import Backend, DecodeError, decode, resize_images
from recircle.decode.pool import DecoderPool
from recircle.decode.probe import Probe
from recircle.decode.whole_file import read_whole_file
from recircle.errors import UserError
from recircle.views.crops import crop_boxes, view_size
from recircle.views.views import EvalViews


def file_views(
    path: Path,
    clip: int | FrameTimes,
    views: EvalViews,
    *,
    backend: Backend = "pyav",
    cache: Path | None = None,
) -> UInt8[Tensor, "V T 3 h w"]:
    """Decode the test views of a video file or frame folder.

    Args:
        path: the file or folder.
        clip: the number of frames that can be decoded, or when they are shown.
        views: what is seen of it.
        backend: what decodes.
        cache: folder in which decoded frames are kept; None keeps none.

    Returns:
        uint8 views, V = clips * crops, with all crops of the first clip first. In memory, the channels of a pixel lie
        side by side, as they come from the decoder and as networks in evaluation want them.

    Raises:
        DecodeError: the file cannot be read, or has fewer frames.
        UserError: the crop does not fit in the resized frame, or decoded frames cannot be kept in `cache`; or
            the sampling needs a frame rate, and the clip's is not known.
    """
    indices = views.sampling.test(clip, views.clips)
    wanted, resize = indices.flatten().tolist(), views.preprocessing.resizer
    if cache is None:
        frames = decode(path, wanted, resize=resize, backend=backend, memory_format=torch.channels_last)
    else:
        count = clip if isinstance(clip, int) else clip.frames
        frames = FrameCache(cache).frames(path, count, wanted, resize=resize, backend=backend)
    return cut_views(frames, indices, views)


def whole_file_views(
    path: Path,
    views: EvalViews,
    *,
    decoders: DecoderPool | None = None,
    check: Callable[[Path, Probe], object] | None = None,
) -> UInt8[Tensor, "V T 3 h w"]:
    """Decode a file or folder to its end, and return its test views; otherwise as `file_views`.

    Args:
        path: the file or folder.
        views: what is seen of it.
        decoders: processes that decode; None decodes in this one, which a hostile file can crash or hold up.
        check: is called with what decoding found, and refuses it by a `DecodeError`.

    Raises:
        DecodeError: the file cannot be decoded to its end; or the sampling needs a frame rate, and the clip's is not
            known.
        UserError: the crop does not fit in the resized frame, or the processes do not start.
    """
    with nullcontext(read_whole_file(path)) if decoders is None else decoders.whole_file(path) as file:
        if check is not None:
            check(path, file.found)
        try:
            views.sampling.check(file.found.frame_times)
        except UserError as error:
            raise DecodeError(path, str(error)) from None
        indices = views.sampling.test(file.found.frame_times, views.clips)
        wanted, places = np.unique(indices, return_inverse=True)
        frames = resize_images(file.images(wanted.tolist()), len(wanted), views.preprocessing.resizer)
    return cut_views(frames[places.flatten()], indices, views)


def frame_views(
    frames: UInt8[Tensor, "N 3 H W"],
    views: EvalViews,
    *,
    fps: float = 0.0,
) -> UInt8[Tensor, "V T 3 h w"]:
    """Cut the test views of a clip that is in memory already; otherwise as `file_views`.

    Args:
        frames: all of the clip, uint8.
        views: what is seen of it.
        fps: frames a second; 0 where that is not known.
    """
    indices = views.sampling.test(FrameTimes(len(frames), fps), views.clips)
    # clips share frames when they overlap, and short clips repeat some: each is resized once
    unique, places = np.unique(indices, return_inverse=True)
    resized = views.preprocessing.resizer.apply(frames[unique.tolist()])
    return cut_views(resized[places.flatten()], indices, views)


def cut_views(
    frames: UInt8[Tensor, "N 3 H W"], indices: Int64[np.ndarray, "clips T"], views: EvalViews
) -> UInt8[Tensor, "V T 3 h w"]:
    """Cut views out of frames that are resized already; otherwise as `file_views`.

    Args:
        frames: resized, the N = clips * T of `indices`, in its order.
        indices: of the frames of each clip; here only their number counts.
        views: what is seen of them.
    """
    boxes = crop_boxes(frames.shape[-2], frames.shape[-1], view_size(views.preprocessing, views.crops), views.crops)
    clips = frames.unflatten(0, indices.shape)
    if len(boxes) == 1:
        return boxes[0].cut(clips)
    cut = torch.stack([box.cut(clips).movedim(-3, -1) for box in boxes], dim=1)
    return cut.movedim(-1, -3).flatten(0, 1)
