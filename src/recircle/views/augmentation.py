"""Random views for training: TSN's multi-scale crop and the horizontal flip, one draw for all frames of a clip."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from recircle.decode.resize import Resize, resize_frames
from recircle.public import public
from recircle.views.crops import Box, crop_boxes
from recircle.views.flip import FlipMode


@public
@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is varied between epochs.

    Attributes:
        scales: sides of the crop as parts of the shorter side of the frame, from large to small; none of them, (),
            takes the centre crop of the preprocessing instead.
        max_distort: how far apart in `scales` height and width may be drawn; 0 keeps the aspect ratio.
        flip: auto swaps the labels that name a side, or switches the flip off with a warning; off; always flips
            whatever the names say and keeps the labels.
        flip_probability: of a clip to be flipped, where the flip is on.
        one_resample: cut the view from frames of full size and resize it once, instead of resizing whole frames before.
            It loads faster, and training sees slightly sharper frames than a test does. Not for frames from a cache.
    """

    scales: tuple[float, ...] = (1.0, 0.875, 0.75, 0.66)
    max_distort: int = 1
    flip: FlipMode = "auto"
    flip_probability: float = 0.5
    one_resample: bool = False

    def __post_init__(self) -> None:
        if not all(0 < scale <= 1 for scale in self.scales):
            raise ValueError(f"scales={self.scales}: each is a part of the frame, above 0 and at most 1")
        if self.max_distort < 0:
            raise ValueError(f"max_distort={self.max_distort} must be 0 (keep the aspect ratio) or more")
        if self.flip not in get_args(FlipMode):
            raise ValueError(f"flip={self.flip!r} is not one of {', '.join(get_args(FlipMode))}")
        if not 0 <= self.flip_probability <= 1:
            raise ValueError(f"flip_probability={self.flip_probability} must lie in [0, 1]")

    def draw_box(self, height: int, width: int, crop: tuple[int, int], rng: np.random.Generator) -> Box:
        """Draw the part of a frame of `height` x `width` pixels that becomes a view of `crop` = (h, w).

        The multi-scale crop of TSN: height and width are drawn from `scales` times the shorter side, at most
        `max_distort` places apart, and the place is one of 13: the nine of a 3 x 3 grid and the four quarter points
        between. For a view that is not square the scales refer to the largest box of its shape.
        """
        if not self.scales:
            return crop_boxes(height, width, crop, 1)[0]
        if height * crop[1] <= width * crop[0]:
            base_height, base_width = height, height * crop[1] / crop[0]
        else:
            base_height, base_width = width * crop[0] / crop[1], width
        pairs = [
            (_side(base_height, tall, crop[0], height), _side(base_width, wide, crop[1], width))
            for i, tall in enumerate(self.scales)
            for j, wide in enumerate(self.scales)
            if abs(i - j) <= self.max_distort
        ]
        box_height, box_width = pairs[rng.integers(len(pairs))]
        row, column = _PLACES[rng.integers(len(_PLACES))]
        return Box(row * ((height - box_height) // 4), column * ((width - box_width) // 4), box_height, box_width)

    def apply(
        self, frames: UInt8[Tensor, "T 3 H W"], crop: tuple[int, int], rng: np.random.Generator, *, flip: bool
    ) -> tuple[UInt8[Tensor, "T 3 h w"], bool]:
        """Return a random view of a clip, and whether it was flipped.

        Args:
            frames: the decoded clip, resized.
            crop: (height, width) of the view.
            rng: the source of every random choice.
            flip: whether the flip policy allows a flip.
        """
        view = RandomView(self, Resize((frames.shape[-2], frames.shape[-1])), crop, rng, flip=flip)
        return view.apply(frames), view.flipped


class RandomView:
    """One random view of a clip, drawn when its first frames are seen, and the same for all of them.

    Attributes:
        flipped: whether it is mirrored, once it is drawn.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        resize: Resize,
        crop: tuple[int, int],
        rng: np.random.Generator,
        *,
        flip: bool,
    ) -> None:
        """Draw nothing yet.

        Args:
            augmentation: what is varied.
            resize: what gives frames the size in which the view is drawn.
            crop: (height, width) of the view.
            rng: the source of every random choice.
            flip: whether the flip policy allows a flip.
        """
        self._augmentation, self._resize, self._crop, self._rng = augmentation, resize, crop, rng
        self._may_flip, self._box = flip, None
        self.flipped = False

    def apply(self, frames: UInt8[Tensor, "N 3 H W"]) -> UInt8[Tensor, "N 3 h w"]:
        """Return the view of frames that have been resized, or of frames of full size."""
        height, width = frames.shape[-2:]
        if self._box is None:
            resized = self._resize.size_for(height, width)
            box = self._augmentation.draw_box(*resized, self._crop, self._rng)
            self.flipped = bool(self._rng.random() < self._augmentation.flip_probability) and self._may_flip
            # flipped before it is resized, when it is copied anyway; resizing treats left and right alike
            self._box = (box.mirror() if self.flipped else box).scaled(resized, (height, width))
        return resize_frames(self._box.cut(frames), self._crop)


# rows and columns in quarters of the room that the box leaves
_GRID = tuple((row, column) for row in (0, 2, 4) for column in (0, 2, 4))
_PLACES = (*_GRID, (1, 1), (1, 3), (3, 1), (3, 3))


def _side(base: float, scale: float, wanted: int, limit: int) -> int:
    """Return a side of the box in pixels: within 2 of the wanted size it is that size, which saves the resizing."""
    side = int(base * scale)
    side = wanted if abs(side - wanted) < 3 else side
    return max(1, min(side, limit))
