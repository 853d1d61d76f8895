"""From a clip to the uint8 views a model is tested on; evaluation and prediction both come through here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from recircle.data.crops import Crops, crop_boxes, view_size
from recircle.data.decode import Backend, decode
from recircle.data.preprocessing import Preprocessing
from recircle.data.sampling import Sampling


def file_views(
    path: Path,
    count: int,
    *,
    sampling: Sampling,
    preprocessing: Preprocessing,
    clips: int = 1,
    crops: Crops = 1,
    backend: Backend = "pyav",
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

    Returns:
        uint8 views, V = clips * crops, with all crops of the first clip first.

    Raises:
        DecodeError: the file cannot be read, or has fewer frames than `count`.
        UserError: the crop does not fit in the resized frame.
    """

    def read(indices: list[int]) -> Tensor:
        return decode(path, indices, resize=preprocessing.resizer, backend=backend)

    return _cut_views(read, sampling.test(count, clips), preprocessing, crops)


def frame_views(
    frames: UInt8[Tensor, "N 3 H W"],
    *,
    sampling: Sampling,
    preprocessing: Preprocessing,
    clips: int = 1,
    crops: Crops = 1,
) -> UInt8[Tensor, "V T 3 h w"]:
    """Cut the test views of a clip that is in memory already; otherwise as `file_views`."""

    def read(indices: list[int]) -> Tensor:
        return preprocessing.resizer.apply(frames[indices])

    return _cut_views(read, sampling.test(len(frames), clips), preprocessing, crops)


def _cut_views(
    read: Callable[[list[int]], Tensor], indices: np.ndarray, preprocessing: Preprocessing, crops: Crops
) -> Tensor:
    # clips share frames when they overlap, and short clips repeat some: each is read once
    unique, places = np.unique(indices, return_inverse=True)
    frames = read(unique.tolist())
    boxes = crop_boxes(frames.shape[-2], frames.shape[-1], view_size(preprocessing, crops), crops)
    picks = torch.from_numpy(places.reshape(indices.shape))
    return torch.stack([box.cut(frames)[picks] for box in boxes], dim=1).flatten(0, 1)
