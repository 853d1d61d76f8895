"""The shape and size of the views that suit some clips."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recircle.manifest.manifest import Clip
from recircle.views.preprocessing import Preprocessing

SIDES = (64, 80, 96, 112, 128, 144, 160, 192, 224)
"""Sides of a square of as many pixels as a view has."""

_UPRIGHT, _LYING = 0.9, 1.1
"""Shapes below and above which frames stand upright or lie; where both are among the clips, no one shape suits all."""
_MARGIN = 17 / 16
"""How much larger than the view a frame is before it is cropped."""
_STEP = 4


def aspect(clips: Sequence[Clip]) -> float:
    """Return width / height of the views that show whole frames of most clips; 1 where no one shape does."""
    shapes = [clip.width / clip.height for clip in clips if clip.width and clip.height]
    if not shapes:
        return 1.0
    narrow, middle, wide = np.quantile(shapes, (0.1, 0.5, 0.9))
    if narrow < _UPRIGHT and wide > _LYING:
        return 1.0
    return float(min(max(middle, 0.5), 2.0))


def sides(clips: Sequence[Clip]) -> list[int]:
    """Return the sides to choose from, from small to large: none that is larger than most clips, but for the first."""
    pixels = [math.sqrt(clip.width * clip.height) for clip in clips if clip.width and clip.height]
    most = float(np.median(pixels)) if pixels else SIDES[-1]
    return [side for side in SIDES if side == SIDES[0] or side <= most * 1.1]


def of_size(plain: Preprocessing, side: int, shape: float) -> Preprocessing:
    """Return a preprocessing with views of another size and shape.

    Args:
        plain: what the network wants.
        side: of a square of as many pixels.
        shape: width / height; near 1, a square is cut from the middle, else whole frames are squeezed into it.
    """
    if abs(math.log(shape)) < math.log(1.1):
        return replace(plain, resize=_rounded(side * _MARGIN), crop=side)
    crop = _rounded(side / math.sqrt(shape)), _rounded(side * math.sqrt(shape))
    return replace(plain, resize=(_rounded(crop[0] * _MARGIN), _rounded(crop[1] * _MARGIN)), crop=crop)


def _rounded(pixels: float) -> int:
    return max(_STEP, round(pixels / _STEP) * _STEP)
