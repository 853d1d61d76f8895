"""The shape and size of the views that suit some clips."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recircle.manifest.manifest import Clip
from recircle.views.preprocessing import Preprocessing

SIDES = (64, 80, 96, 112, 128, 144, 160, 192, 224)
"""Sides of a square of as many pixels as a view has."""

_MARGIN = 17 / 16
"""How much larger than the view a frame is before it is cropped."""
_STEP = 4


def aspect(clips: Sequence[Clip]) -> float:
    """Return width / height of the views: that of the middle one of the clips, between 1/2 and 2.

    Whole frames are squeezed into it, since people and things at their sides are part of what happens.
    """
    shapes = [clip.width / clip.height for clip in clips if clip.width and clip.height]
    if not shapes:
        return 1.0
    # of the logarithms, in which as many upright as lying frames make a square
    middle = math.exp(float(np.median(np.log(shapes))))
    return min(max(middle, 0.5), 2.0)


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
        shape: width / height.
    """
    crop = _rounded(side / math.sqrt(shape)), _rounded(side * math.sqrt(shape))
    return replace(plain, resize=(_rounded(crop[0] * _MARGIN), _rounded(crop[1] * _MARGIN)), crop=crop)


def _rounded(pixels: float) -> int:
    return max(_STEP, round(pixels / _STEP) * _STEP)
