"""Image layers for video: every layer here takes [..., C, H, W] with any leading dimensions.

The frames of a clip stay a dimension of the tensor, [B, T, C, H, W], so a layer that needs T reads it there. Folding
is a view; parameters and state-dict names are those of the torch layer.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn


def fold_frames(x: Shaped[Tensor, "*N C H W"]) -> Shaped[Tensor, "frames C H W"]:
    """View [..., C, H, W] as [N, C, H, W]; a tensor with a single leading dimension is returned as it is."""
    if x.dim() == 5 and _is_single(x):
        return x[0]
    return x if x.dim() == 4 else x.flatten(0, -4)


def unfold_frames(x: Shaped[Tensor, "frames ..."], like: Shaped[Tensor, "*N C H W"]) -> Shaped[Tensor, "..."]:
    """Give [N, ...] the leading dimensions of `like`, [..., C, H, W], back."""
    if like.dim() == 5 and _is_single(like):
        return x.unsqueeze(0)
    return x if like.dim() == 4 else x.unflatten(0, like.shape[:-3])


def _is_single(x: Tensor) -> bool:
    """Tell whether there is one clip alone.

    Its frames are a view that keeps all strides. Flattening gives those of a single frame another stride, with which
    poolings do not take it for channels last.
    """
    # captures would take the answer for one that always holds
    return not torch.compiler.is_compiling() and x.shape[0] == 1


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d` on each frame of [..., C, H, W]."""

    def forward(self, input: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N c h w"]:  # noqa: A002  (torch's name)
        """Return [..., C', H', W']."""
        folded = fold_frames(input)
        if self._gradient_can_crash():
            rows, columns = self.stride
            return unfold_frames(F.conv2d(folded[..., ::rows, ::columns], self.weight, self.bias), input)
        return unfold_frames(super().forward(folded), input)

    def _gradient_can_crash(self) -> bool:
        """Tell whether oneDNN might end the process in the backward pass, as it does where channels lie last in memory.

        Seen with oneDNN of PyTorch 2.13 and AVX-512: a stride, one pixel and fewer than 16 channels, on maps of 56
        pixels. What is written here instead computes the same bits.
        """
        narrow = self.in_channels < 16 and self.groups == 1 and set(self.kernel_size) == {1} and max(self.stride) > 1
        return narrow and self.padding == (0, 0) and torch.is_grad_enabled() and not torch.compiler.is_exporting()


class BatchNorm2d(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` over all frames of [..., C, H, W]."""

    def forward(self, input: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N C H W"]:  # noqa: A002
        """Return a tensor of the shape of the input."""
        return unfold_frames(super().forward(fold_frames(input)), input)


class MaxPool2d(nn.MaxPool2d):
    """`torch.nn.MaxPool2d` on each frame of [..., C, H, W]."""

    def forward(self, input: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N C h w"]:  # noqa: A002
        """Return [..., C, H', W']."""
        pooled = F.max_pool2d(
            fold_frames(input), self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )
        return unfold_frames(pooled, input)


class AvgPool2d(nn.AvgPool2d):
    """`torch.nn.AvgPool2d` on each frame of [..., C, H, W]."""

    def forward(self, input: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N C h w"]:  # noqa: A002
        """Return [..., C, H', W']."""
        pooled = F.avg_pool2d(
            fold_frames(input),
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )
        return unfold_frames(pooled, input)
