"""Where in the frame a test view looks: centre, three or ten crops, cut from uint8 frames."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

from jaxtyping import UInt8
from torch import Tensor

from recircle.errors import UserError
from recircle.views.preprocessing import Preprocessing

Crops = Literal[1, 3, 10]


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels in a frame, perhaps to be mirrored.

    Attributes:
        top: first row.
        left: first column.
        height: rows.
        width: columns.
        mirrored: whether the view is flipped left to right.
    """

    top: int
    left: int
    height: int
    width: int
    mirrored: bool = False

    def mirror(self) -> Self:
        """Return the same rectangle, flipped."""
        return type(self)(self.top, self.left, self.height, self.width, not self.mirrored)

    def scaled(self, size: tuple[int, int], wanted: tuple[int, int]) -> Self:
        """Return the same part of a frame of `wanted` = (height, width) as this one is of a frame of `size`.

        Its sides lie between whole pixels, a pixel apart at least.
        """
        if size == wanted:
            return self
        (top, bottom), (left, right) = (
            (round(start * new / old), round((start + length) * new / old))
            for start, length, old, new in zip((self.top, self.left), (self.height, self.width), size, wanted)
        )
        top, left = min(top, wanted[0] - 1), min(left, wanted[1] - 1)
        return type(self)(top, left, max(1, bottom - top), max(1, right - left), self.mirrored)

    def cut(self, frames: UInt8[Tensor, "*N 3 H W"]) -> UInt8[Tensor, "*N 3 h w"]:
        """Return the rectangle of each frame: a view of the memory unless mirrored."""
        cut = frames[..., self.top : self.top + self.height, self.left : self.left + self.width]
        return cut.flip(-1) if self.mirrored else cut


def view_size(preprocessing: Preprocessing, crops: Crops) -> tuple[int, int]:
    """Return (height, width) of a test view.

    One and ten crops have the size of `preprocessing.crop`. Three crops are taken "at full resolution": squares as high
    as the shorter side of the resized frame (a crop that is not square keeps its size).

    Raises:
        ValueError: another number of crops.
    """
    if crops not in get_args(Crops):
        raise ValueError(f"crops={crops}: 1 (centre), 3 (along the longer side) or 10 (corners, centre, mirrored)")
    height, width = preprocessing.crop_size
    if crops != 3 or height != width:
        return height, width
    resize = preprocessing.resize
    side = min(resize) if isinstance(resize, tuple) else resize
    return side, side


def crop_boxes(height: int, width: int, size: tuple[int, int], crops: Crops) -> tuple[Box, ...]:
    """Return the boxes of size `size` = (h, w) in a frame of `height` x `width` pixels.

    One: the centre. Three: both ends and the middle along the direction with more room (left, centre, right, or top,
    centre, bottom), centred in the other. Ten: the four corners and the centre, then their mirror images.

    Raises:
        UserError: the boxes do not fit.
    """
    rows, columns = height - size[0], width - size[1]
    if rows < 0 or columns < 0:
        raise UserError(
            f"a crop of {size[0]} x {size[1]} (height x width) does not fit in a resized frame of {height} x {width}; "
            "make the crop smaller or resize larger"
        )
    centre = (rows // 2, columns // 2)
    if crops == 1:
        corners = [centre]
    elif crops == 3:
        corners = (
            [(centre[0], left) for left in (0, centre[1], columns)]
            if columns >= rows
            else [(top, centre[1]) for top in (0, centre[0], rows)]
        )
    else:
        corners = [(0, 0), (0, columns), (rows, 0), (rows, columns), centre]
    boxes = tuple(Box(top, left, *size) for top, left in corners)
    return boxes + tuple(box.mirror() for box in boxes) if crops == 10 else boxes
