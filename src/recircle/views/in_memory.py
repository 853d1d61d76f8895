"""Frames that are in memory already, in the forms that people have them in, as one tensor."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from recircle.errors import UserError

InMemory = NDArray[Any] | Tensor | Image.Image | Sequence[NDArray[Any] | Tensor | Image.Image]
"""RGB frames: an array [T, H, W, 3], a tensor [T, 3, H, W], an image, or a list of single frames of one size."""

FORMS = (
    "RGB frames are an array [T, H, W, 3], a tensor [T, 3, H, W] or a list of images, uint8 or floating point in 0..1"
)


def frames_in_memory(clip: object, what: str = "the clip") -> UInt8[Tensor, "T 3 H W"]:
    """Return RGB frames as a tensor on the CPU, channels first.

    Args:
        clip: a NumPy array [T, H, W, 3], a tensor [T, 3, H, W], an image of Pillow, or a list of frames, each an array
            [H, W, 3], a tensor [3, H, W] or an image, all of one size. Numbers are uint8 in 0..255, or floating point
            in 0..1, which are rounded to those; frames that are normalised already are neither.
        what: the clip in words, for the error.

    Raises:
        UserError: it is something else, or holds no frames.
    """
    if isinstance(clip, Image.Image):
        clip = [clip]
    if isinstance(clip, (list, tuple)):
        return _stacked(clip, what)
    if isinstance(clip, np.ndarray):
        if clip.ndim != 4 or clip.shape[-1] != 3 or not clip.size:
            raise UserError(f"{what} is an array {_shape(clip)} of {clip.dtype}; {FORMS}, at least one")
        clip = _tensor_of(clip, what).permute(0, 3, 1, 2)
    elif not isinstance(clip, Tensor):
        raise UserError(f"{what} is a {type(clip).__name__}; {FORMS}")
    elif clip.dim() != 4 or clip.shape[1] != 3 or not clip.numel():
        hint = ""
        if clip.dim() == 4 and clip.shape[-1] == 3:
            hint = " (one with the channels last becomes that by frames.permute(0, 3, 1, 2))"
        raise UserError(f"{what} is a tensor {_shape(clip)} of {clip.dtype}; {FORMS}, at least one{hint}")
    return _bytes(clip.detach().cpu(), what)


def _stacked(frames: Sequence[object], what: str) -> Tensor:
    if not frames:
        raise UserError(f"{what} is an empty list; {FORMS}, at least one")
    clips: list[Tensor] = []
    for number, frame in enumerate(frames):
        place = f"frame {number} of {what}"
        if isinstance(frame, Image.Image):
            if getattr(frame, "n_frames", 1) > 1:
                raise UserError(f"{place} is an animation of {frame.n_frames} images; give its file as the clip")  # pyright: ignore
            frame = np.asarray(frame.convert("RGB"))
        if not isinstance(frame, (np.ndarray, Tensor)):
            hint = (
                "; several files are several clips" if isinstance(frame, (str, bytes)) or hasattr(frame, "open") else ""
            )
            raise UserError(f"{place} is a {type(frame).__name__}, and no array, tensor or image{hint}")
        if frame.ndim != 3:
            raise UserError(f"{place} has the shape {_shape(frame)}; an array is [H, W, 3], a tensor [3, H, W]")
        clips.append(frames_in_memory(frame[None], place))
        if clips[-1].shape != clips[0].shape:
            sizes = " and ".join(f"{one.shape[-1]} x {one.shape[-2]}" for one in (clips[0], clips[-1]))
            raise UserError(f"{place} is of another size than the first: {sizes} pixels; resize them to one")
    return torch.cat(clips)


def _tensor_of(array: NDArray[Any], what: str) -> Tensor:
    try:
        return torch.from_numpy(np.require(array, requirements=["C", "W"]))
    except TypeError:
        raise UserError(f"{what} is an array {_shape(array)} of {array.dtype}; {FORMS}") from None


def _bytes(frames: Tensor, what: str) -> Tensor:
    """Return values as bytes."""
    if frames.dtype == torch.uint8:
        return frames
    if not frames.is_floating_point():
        raise UserError(f"{what} is of {frames.dtype}; {FORMS}")
    low, high = (float(value) for value in frames.aminmax())
    if not (low >= 0 and high <= 1):  # NaN is neither
        hint = "divide by 255" if low >= 0 and high <= 255 else "give them as they were before they were normalised"
        raise UserError(f"{what} has floating-point values from {low:.3g} to {high:.3g}, not in 0..1; {hint}")
    return (frames.float() * 255).round().to(torch.uint8)


def _shape(value: NDArray[Any] | Tensor) -> str:
    return "[" + ", ".join(map(str, value.shape)) + "]"
