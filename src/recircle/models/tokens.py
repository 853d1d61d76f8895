"""Where the tokens of a transformer lie in the clip that they were cut from."""

from dataclasses import dataclass

from jaxtyping import Shaped
from torch import Tensor

from recircle.errors import UserError


@dataclass(frozen=True, kw_only=True)
class TokenGrid:
    """A clip cut into boxes, one token each.

    Attributes:
        frames: that a box spans.
        height: of a box in pixels.
        width: of a box in pixels.
        others: tokens in front of those of the boxes, such as a class token.
        time_last: the boxes are ordered by place, and by time within a place; otherwise by time first. In a place they
            are ordered row by row.
    """

    frames: int = 1
    height: int
    width: int
    others: int = 0
    time_last: bool = False

    def cells(self, frames: int, size: tuple[int, int]) -> tuple[int, int, int]:
        """Return how many boxes a clip of `frames` frames of `size` = (height, width) has in time, rows and columns."""
        return frames // self.frames, size[0] // self.height, size[1] // self.width

    def lay_out(self, tokens: Shaped[Tensor, "*n L"], frames: int, size: tuple[int, int]) -> Shaped[Tensor, "*n t h w"]:
        """Bring values of tokens, the last dimension, to their places; those of the other tokens are left out.

        Raises:
            UserError: they are not the tokens of such a clip.
        """
        time, rows, columns = self.cells(frames, size)
        boxes = time * rows * columns
        if tokens.shape[-1] != self.others + boxes:
            raise UserError(
                f"{tokens.shape[-1]} tokens are not those of {frames} frames of {size[0]} x {size[1]} pixels, which "
                f"are {self.others + boxes}, so they cannot be shown in the clip"
            )
        values = tokens[..., self.others :]
        if self.time_last:
            return values.unflatten(-1, (rows, columns, time)).movedim(-1, -3)
        return values.unflatten(-1, (time, rows, columns))
