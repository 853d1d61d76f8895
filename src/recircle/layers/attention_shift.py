"""Attention shift in time (Fan et al., ECCV 2020), from the paper of RubiksNet."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class AttentionShift(nn.Module):
    """The shift in time of the variant "AQ": each channel mixes three frames, most of one.

    With the weights a = softmax(w / (std(w) + 1e-6) / temperature) of a channel its output at t is
    a_0 x[t - 1] + a_1 x[t] + a_2 x[t + 1]; beyond the ends are zeros. A lower temperature comes nearer to a shift by a
    whole frame.

    Attributes:
        temperature: 2 at first and not learned; published files may hold another.
        weight: w, [C, 3], uniform in [0, 1) at first.
    """

    temperature: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"channels={channels} must be 1 or more")
        self.weight = nn.Parameter(torch.rand(channels, 3))
        self.register_buffer("temperature", torch.tensor(2.0))

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T C H W"]:
        """Return [B, T, C, H, W] for [B, T, C, H, W].

        Raises:
            ValueError: the shape is another.
        """
        if x.dim() != 5 or x.shape[2] != len(self.weight):
            raise ValueError(f"AttentionShift needs [B, T, {len(self.weight)}, H, W], got {tuple(x.shape)}")
        weight = self.weight.to(torch.promote_types(self.weight.dtype, torch.float32))
        spread = weight.std(dim=1, keepdim=True) + 1e-6
        before, now, after = (weight / spread / self.temperature).softmax(dim=1).to(x.dtype).unbind(1)
        padded = F.pad(x, (0, 0, 0, 0, 0, 0, 1, 1))
        frames = x.shape[1]
        y = x * now.view(-1, 1, 1)
        y = torch.addcmul(y, padded.narrow(1, 0, frames), before.view(-1, 1, 1))
        return torch.addcmul(y, padded.narrow(1, 2, frames), after.view(-1, 1, 1))

    def extra_repr(self) -> str:
        """Show the channels."""
        return f"{len(self.weight)}"
