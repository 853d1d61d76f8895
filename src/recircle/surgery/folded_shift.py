"""The temporal shift inside of image networks, whose frames lie in the batch dimension."""

import torch
from jaxtyping import Float
from torch import Tensor

from recircle.arc.clip_length import frames_in_batch
from recircle.layers.temporal_shift import TemporalShift, shift_folded


class FoldedShift(TemporalShift):
    """The temporal shift of [B T, C, ...], inside of a network that runs on the frames of clips.

    Attributes:
        frames: T where no other is told; that of the clips at hand goes before it.
    """

    frames: int | None = None

    def forward(self, x: Float[Tensor, "N C *place"]) -> Float[Tensor, "N C *place"]:
        """Shift [B T, C, ...].

        Raises:
            ValueError: nothing tells which frames are of one clip.
        """
        frames = self.frames if torch.compiler.is_dynamo_compiling() else frames_in_batch() or self.frames
        if frames is None:
            raise ValueError("the shift needs T: run the network on clips, inside of recircle.FrameModel")
        if torch.compiler.is_exporting():
            # a clip is told by the places of its frames: an unfolded shape would have to hold for one clip too
            place = torch.arange(x.shape[0], device=x.device) % frames
            return shift_folded(x, place < frames - 1, place > 0, x.shape[1] // self.divisor, self.causal)
        return super().forward(x.unflatten(0, (-1, frames))).flatten(0, 1)
