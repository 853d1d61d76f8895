"""What happens to the frames of a clip between the file and the model; one object for training, test and use."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from recircle.config import from_json, to_json
from recircle.decode.resize import Resize, check_pixels
from recircle.public import public

Channels = Literal["rgb", "bgr"]


@public
@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How frames reach a model. It is saved with the weights, so that no two paths can differ.

    Frames are decoded to RGB, resized, and cropped as uint8; `normalise` runs on the device.

    Attributes:
        resize: pixels of the shorter side, or exactly (height, width).
        crop: side of the square, or (height, width), in pixels, that the model sees.
        mean: of each channel, in the order of `channels`, of values after `scale`.
        std: of each channel, likewise.
        scale: factor applied to the values 0..255 before mean and std; 1 for networks that came from Caffe.
        channels: order of the colour channels the model wants.
    """

    resize: int | tuple[int, int] = 256
    crop: int | tuple[int, int] = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    scale: float = 1 / 255
    channels: Channels = "rgb"

    def __post_init__(self) -> None:
        check_pixels("resize", self.resize)
        check_pixels("crop", self.crop)
        for name in ("mean", "std"):
            if len(getattr(self, name)) != 3:
                raise ValueError(f"{name}={getattr(self, name)}: one number for each of the three channels")
        if min(self.std) <= 0:
            raise ValueError(f"std={self.std}: values are divided by it, so each must be above 0")
        if self.scale <= 0:
            raise ValueError(f"scale={self.scale} must be above 0; 1/255 brings bytes to 0..1")
        if self.channels not in get_args(Channels):
            raise ValueError(f"channels={self.channels!r} is not one of {', '.join(get_args(Channels))}")
        height, width = self.crop_size
        if isinstance(self.resize, tuple):
            fits = height <= self.resize[0] and width <= self.resize[1]
        else:
            fits = min(height, width) <= self.resize
        if not fits:
            raise ValueError(
                f"crop={self.crop} is larger than the resized frame (resize={self.resize}); "
                "make crop smaller or resize larger"
            )

    @property
    def resizer(self) -> Resize:
        """The resizing that the decoder does."""
        return Resize(self.resize)

    @property
    def crop_size(self) -> tuple[int, int]:
        """The crop as (height, width)."""
        return self.crop if isinstance(self.crop, tuple) else (self.crop, self.crop)

    def normalise(
        self, frames: UInt8[Tensor, "*N 3 H W"], dtype: torch.dtype = torch.float32
    ) -> Float[Tensor, "*N 3 H W"]:
        """Turn uint8 RGB frames into what the model takes, on the device they are on.

        The arithmetic is done in float32 whatever `dtype` the result has, since a half-precision network would
        otherwise see coarser colours than it was trained with.

        Raises:
            ValueError: the frames are not uint8, or do not have three channels in front of height and width.
        """
        if frames.dtype != torch.uint8:
            raise ValueError(f"frames of dtype {frames.dtype}: give uint8 values 0..255, as they are decoded")
        if frames.dim() < 3 or frames.shape[-3] != 3:
            raise ValueError(f"frames of shape {tuple(frames.shape)}: the shape wanted is [..., 3, H, W]")
        if self.channels == "bgr":
            frames = frames.flip(-3)
        mean = torch.tensor(self.mean, device=frames.device).view(3, 1, 1)
        std = torch.tensor(self.std, device=frames.device).view(3, 1, 1)
        return frames.float().mul_(self.scale).sub_(mean).div_(std).to(dtype)

    def as_json(self) -> str:
        """Return the object as JSON text."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `as_json` wrote; a wrong or unknown field is a `UserError` that names it."""
        return from_json(cls, text)
