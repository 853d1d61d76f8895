"""The ARC form of a linear layer, on the tokens of each frame."""

from typing import Any, Self

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recircle.arc.clip_dims import TOKENS, ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.functional import arc_operator
from recircle.arc.module import ArcLayer
from recircle.public import public


@public
class ArcLinear(ArcLayer, nn.Linear):
    """`torch.nn.Linear` with an evolving state, on the tokens of each frame: [B, T, N, Cin] or [B, N, Cin].

    Where `frames` is set, the input is [B T, ..., Cin] and everything between is the tokens of one frame.

    Attributes:
        places: N of inputs [B, T N, Cin] that hold the tokens of a clip in one row, those of one point in time after
            the other; None where they do not.
    """

    places: int | None = None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        config: ArcConfig | None = None,
        act: nn.Module | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device, dtype)
        self._add_arc(in_features, out_features, 1, config or ArcConfig(), None, act)

    @classmethod
    def from_layers(cls, linear: nn.Linear, act: nn.Module | None = None, config: ArcConfig | None = None) -> Self:
        """Make the ARC form of a linear layer and the activation after it, with its parameters.

        Raises:
            ValueError: the steps do not divide the layer, or the activation cannot be applied in steps.
        """
        bias = linear.bias is not None
        new = cls(linear.in_features, linear.out_features, bias, device="meta", config=config, act=act)
        return new._adopt(linear)

    def forward(self, input: Float[Tensor, "*N Cin"]) -> Float[Tensor, "*N c"]:  # noqa: A002
        """Return [..., N, c] for tokens [..., N, Cin].

        Raises:
            ValueError: the tokens of different samples could not be told apart.
        """
        if self._terms:
            return self._superposed(input).reshape(*input.shape[:-1], self.out_features)
        x = self.as_clip(input)
        y = arc_operator(
            x,
            self.operator,
            self.weight,
            self.bias,
            self.matrices,
            self.config,
            self.clip_dims,
            epilogue=self._epilogue(),
            memory=self._memory(),
        )
        return self.finish(y).reshape(*input.shape[:-1], self.out_features)

    @property
    def clip_dims(self) -> ClipDims:
        """Where time, space and channels lie in a clip."""
        return TOKENS

    def as_clip(self, input: Float[Tensor, "... Cin"]) -> Float[Tensor, "B T N Cin"]:  # noqa: A002
        """Return [B, T, N, Cin] for what the layer takes.

        Raises:
            ValueError: the tokens of different samples could not be told apart.
        """
        frames = self.clip_frames()
        if input.dim() < 3 or (frames is None and input.dim() > 4):
            raise ValueError(
                f"ArcLinear takes tokens [B, N, C] or [B, T, N, C], got a tensor of shape {tuple(input.shape)}; "
                "give rows that stand for themselves a dimension of one token, x[:, None]"
            )
        if frames is not None:
            return input.unflatten(0, (-1, frames)).flatten(2, -2)
        if self.places is not None and input.dim() == 3:
            return input.unflatten(1, (-1, self.places))
        return input.unsqueeze(1) if input.dim() == 3 else input

    def operator(
        self,
        x: Float[Tensor, "*N Cin"],
        weight: Float[Tensor, "c Cin"],
        bias: Float[Tensor, "c"] | None,
        groups: int,  # noqa: ARG002
    ) -> Float[Tensor, "*N c"]:
        """Apply other weights; there are no groups."""
        return F.linear(x, weight, bias)

    def extra_repr(self) -> str:
        """Show the linear layer and the variant."""
        return f"{super().extra_repr()}, {self.arc_repr()}"
