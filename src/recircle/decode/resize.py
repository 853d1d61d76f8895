"""The size that decoded frames are brought to."""

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor


class Resampling(Protocol):
    """What is done to decoded frames of full size, a few at a time."""

    def apply(self, frames: UInt8[Tensor, "N 3 H W"], /) -> UInt8[Tensor, "N 3 h w"]:
        """Return the frames in the size that is wanted; all frames of a clip have one size."""
        ...


@dataclass(frozen=True)
class Resize:
    """The size a decoded frame is brought to.

    Attributes:
        size: pixels of the shorter side, the longer one following in proportion (rounded down); or exactly
            (height, width).
    """

    size: int | tuple[int, int]

    def __post_init__(self) -> None:
        check_pixels("size", self.size)

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Return (height, width) after resizing a frame of `height` x `width` pixels."""
        if isinstance(self.size, tuple):
            return self.size
        if height <= width:
            return self.size, self.size * width // height
        return self.size * height // width, self.size

    def apply(self, frames: UInt8[Tensor, "*N 3 H W"]) -> UInt8[Tensor, "*N 3 h w"]:
        """Resize frames that are tensors already (antialiased bilinear interpolation)."""
        return resize_frames(frames, self.size_for(frames.shape[-2], frames.shape[-1]))


def resize_frames(frames: UInt8[Tensor, "*N 3 H W"], size: tuple[int, int]) -> UInt8[Tensor, "*N 3 h w"]:
    """Bring uint8 frames to exactly `size` = (height, width) by antialiased bilinear interpolation."""
    if tuple(frames.shape[-2:]) == tuple(size):
        return frames
    if frames.dim() != 4:
        return resize_frames(frames.reshape(-1, *frames.shape[-3:]), size).reshape(*frames.shape[:-2], *size)
    # not reshaped when there is no need: a batch of one would lose the strides of channels_last, and half of the speed
    return F.interpolate(frames, size=size, mode="bilinear", antialias=True, align_corners=False)


def check_pixels(name: str, value: int | tuple[int, int]) -> None:
    """Insist that a field is a number of pixels, or (height, width).

    Raises:
        ValueError: it is not; the message names the field.
    """
    sides = value if isinstance(value, tuple) else (value, value)
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in sides):
        raise ValueError(f"{name}={value}: give one number of pixels, or (height, width), each 1 or more")
