"""ARC convolutions: torch's own, whose input evolves."""

from typing import Any, Self, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recircle.arc.clip_dims import ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.functional import CONV_DIMS, arc_operator
from recircle.arc.module import ArcLayer
from recircle.layers.reordered import ReorderedWeights, can_keep_reordered
from recircle.public import public
from recircle.torch_internals import Convolution, reversed_padding


class _ArcConv(ArcLayer, Convolution):
    reordered: ReorderedWeights | None = None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        config: ArcConfig | None = None,
        norm: nn.Module | None = None,
        act: nn.Module | None = None,
    ) -> None:
        # the next class in the order of inheritance is torch's convolution, with this signature
        begin: Any = super().__init__
        begin(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self._reordered_terms: dict[int, ReorderedWeights] = {}
        self._add_arc(in_channels, out_channels, groups, config or ArcConfig(), norm, act)

    @classmethod
    def from_layers(
        cls,
        conv: nn.Module,
        norm: nn.Module | None = None,
        act: nn.Module | None = None,
        config: ArcConfig | None = None,
    ) -> Self:
        """Make the ARC form of a convolution, and of the norm and activation after it, with their parameters.

        Args:
            conv: the original; its parameters become those of the new layer (the same tensors).
            norm: the batch norm (or group norm) that follows it, or None.
            act: the elementwise activation that follows, or None.
            config: the variant; None is `ArcConfig.paper()`.

        Raises:
            ValueError: the steps do not divide the layer, or the norm or activation cannot be applied in steps.
        """
        old = cast(nn.Conv2d, conv)
        new = cls(
            old.in_channels,
            old.out_channels,
            old.kernel_size,
            old.stride,
            old.padding,
            old.dilation,
            old.groups,
            old.bias is not None,
            old.padding_mode,
            device="meta",
            config=config,
            norm=norm,
            act=act,
        )
        return new._adopt(old)

    def operator(
        self,
        x: Float[Tensor, "N ..."],
        weight: Float[Tensor, "c cin *kernel"],
        bias: Float[Tensor, "c"] | None,
        groups: int,
    ) -> Float[Tensor, "N ..."]:
        """Convolve with other weights."""
        return self._convolve(x, weight, bias, groups, self.reordered)

    def _operate_term(self, z: Float[Tensor, "N ..."], term: int) -> Float[Tensor, "N ..."]:
        kept = None
        if self.reordered is not None and (kept := self._reordered_terms.get(term)) is None:
            kept = self._reordered_terms.setdefault(term, ReorderedWeights())
        return self._convolve(z, getattr(self, f"term{term}"), None, 1, kept)

    def _convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, reordered: ReorderedWeights | None
    ) -> Tensor:
        if reordered is not None:
            y = reordered.convolve(x, weight, bias, self.stride, self.padding, self.dilation, groups)  # pyright: ignore
            if y is not None:
                return y
        padding = self.padding
        if self.padding_mode != "zeros":
            x = F.pad(x, reversed_padding(self), mode=self.padding_mode)
            padding = 0
        convolve = _CONVOLUTION[len(self.kernel_size)]
        return convolve(x, weight, bias, self.stride, padding, self.dilation, groups)  # pyright: ignore

    def forward(self, input: Float[Tensor, "N ..."]) -> Float[Tensor, "N ..."]:  # noqa: A002  (torch's name)
        """Return Y = concat(G_1 .. G_n).

        Args:
            input: what the original layer takes; or, for 1-D and 2-D layers, that with a dimension for the frames,
                [B, T, Cin, L] or [B, T, Cin, H, W]. A 3-D layer takes [B, Cin, T, H, W].

        Returns:
            What the original layer returns for it.
        """
        if self._terms:
            y = self._superposed(input)
            return y if y.dim() == input.dim() else y.flatten(0, 1)
        x = self.as_clip(input)
        y = arc_operator(
            x,
            self.operator,
            self.weight,
            self.bias,
            self.matrices,
            self.config,
            self.clip_dims,
            groups=self.groups,
            epilogue=self._epilogue(),
            memory=self._memory(),
        )
        y = self.finish(y)
        return y if y.dim() == input.dim() else y.flatten(0, 1)

    def keep_reordered(self) -> bool:
        """Keep the weight of each step as oneDNN reads it from now on; 1-D convolutions and odd paddings do not."""
        if len(self.kernel_size) == 1 or not can_keep_reordered(self):
            return False
        self.reordered = self.reordered or ReorderedWeights()
        return True

    @property
    def clip_dims(self) -> ClipDims:
        """Where time, space and channels lie in a clip."""
        return CONV_DIMS[len(self.kernel_size)]

    def as_clip(self, input: Float[Tensor, "N ..."]) -> Float[Tensor, "B ..."]:  # noqa: A002
        """Return [B, T, Cin, L], [B, T, Cin, H, W] or [B, Cin, T, H, W] for what the layer takes."""
        dims = len(self.kernel_size)
        folded = input.dim() == dims + 2 and dims < 3
        x = input.unflatten(0, (-1, self.clip_frames() or 1)) if folded else input
        if x.dim() != (dims + 3 if dims < 3 else 5):
            raise ValueError(f"{type(self).__name__} got an input of shape {tuple(input.shape)}")
        return x

    def extra_repr(self) -> str:
        """Show the convolution and the variant."""
        return f"{super().extra_repr()}, {self.arc_repr()}"


_CONVOLUTION = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@public
class ArcConv1d(_ArcConv, nn.Conv1d):
    """`torch.nn.Conv1d` with an evolving state: [B, T, Cin, L] or [N, Cin, L]."""


@public
class ArcConv2d(_ArcConv, nn.Conv2d):
    """`torch.nn.Conv2d` with an evolving state: [B, T, Cin, H, W] or [N, Cin, H, W]."""


@public
class ArcConv3d(_ArcConv, nn.Conv3d):
    """`torch.nn.Conv3d` with an evolving state: [B, Cin, T, H, W]."""
