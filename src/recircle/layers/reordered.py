"""Convolutions that keep their weight in the order that oneDNN computes with.

PyTorch brings a weight into that order at every call, which takes as long as the convolution itself where the maps are
small, and leaves some convolutions of a CPU to code that is several times as slow. Here it is done once for each shape
of input. Nothing of it is part of a network's state: copies and pickles start without, and it is made anew wherever the
weight has been changed or moved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.layers import frames
from recircle.public import public
from recircle.torch_internals import convolve_reordered, is_recorded, is_watched, reorder_weight, version

_SHAPES = 3
"""For how many shapes of input weights are kept; of a fourth, the oldest make room."""

_SMALL = 1 << 20
"""Multiply-adds below which PyTorch's own code for a single map is quicker than the call to oneDNN."""

_WEIGHTS = 16
"""Most weights of one layer that are kept, an ARC layer having one for each step; after that, all are made anew."""

_DTYPES = (torch.float32, torch.bfloat16)


@dataclass(frozen=True)
class _Kept:
    """What was made of one weight as it was at one time.

    Attributes:
        version: how often the weight was changed.
        weight: holds the memory, so that no other weight can come to lie there.
        made: for each kind of input, the reordered weights by the place of the rows that they are of.
    """

    version: int
    weight: Tensor
    made: dict[tuple[torch.Size, torch.dtype], dict[int, Tensor]] = field(default_factory=dict)


@public
class ReorderedWeights:
    """The weights that one layer convolves with, reordered: all of one tensor, or the rows of it that a step uses."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}

    def __reduce__(self) -> tuple[Callable[[], "ReorderedWeights"], tuple[()]]:
        """Copy and pickle nothing of what was made."""
        return type(self), ()

    def convolve(
        self,
        x: Float[Tensor, "N ..."],
        weight: Float[Tensor, "c cin *kernel"],
        bias: Float[Tensor, "c"] | None,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> Float[Tensor, "N ..."] | None:
        """Convolve in two or three dimensions; the result has its channels last in memory.

        Several threads may call this at a time.

        Returns:
            None where PyTorch's own convolution should be called: gradients are wanted, operations are recorded or
            watched, there is no oneDNN for this device or precision, or the call to it would take longer.
        """
        if not _is_free(x, weight, bias):
            return None
        cast = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if cast else x.dtype
        if dtype not in _DTYPES or not (cast or weight.dtype == dtype):
            return None
        place, changed = weight.untyped_storage().data_ptr(), version(weight)
        kept = self._kept.get(place)
        if kept is None or kept.version != changed:
            if len(self._kept) >= _WEIGHTS:
                self._kept.clear()
            kept = self._kept[place] = _Kept(changed, weight)
        if cast:
            x, bias = x.to(dtype), None if bias is None else bias.to(dtype)
        made = kept.made.setdefault((x.shape, dtype), {})
        ready = made.get(weight.data_ptr())
        if ready is None:
            for oldest in list(kept.made)[:-_SHAPES]:
                kept.made.pop(oldest, None)
            # what is made in inference mode could not be used outside of it
            with torch.inference_mode(False), torch.no_grad():
                ready = reorder_weight(weight.to(dtype), x.shape, padding, stride, dilation, groups)
            if ready is None:
                return None
            made[weight.data_ptr()] = ready
        return convolve_reordered(x, ready, bias, padding, stride, dilation, groups)


def _is_free(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Tell whether nothing but the values of the result matters, and oneDNN may be faster."""
    if is_recorded(x) or is_watched() or x.device.type != "cpu" or weight.device.type != "cpu":
        return False
    learned = (x, weight) if bias is None else (x, weight, bias)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in learned):
        return False
    if x.dim() != weight.dim() or not x.numel():
        return False
    return x.shape[0] > 1 or weight.numel() * x[0, 0].numel() >= _SMALL


class _Reordered:
    """A convolution with a `ReorderedWeights` of its own."""

    reordered: ReorderedWeights

    def _convolved(self, x: Tensor) -> Tensor | None:
        conv: Any = self
        return self.reordered.convolve(x, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups)


@public
class ReorderedConv2d(_Reordered, frames.Conv2d):
    """A `torch.nn.Conv2d`, also on each frame of [..., C, H, W]."""

    def forward(self, input: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N c h w"]:  # noqa: A002  (torch's name)
        """Return [..., C', H', W']."""
        if input.dim() == 3:
            return nn.Conv2d.forward(self, input)
        x = frames.fold_frames(input)
        y = self._convolved(x)
        return frames.unfold_frames(nn.Conv2d.forward(self, x) if y is None else y, input)


@public
class ReorderedConv3d(_Reordered, nn.Conv3d):
    """A `torch.nn.Conv3d`."""

    def forward(self, input: Float[Tensor, "*N C T H W"]) -> Float[Tensor, "*N c t h w"]:  # noqa: A002
        """Return [..., C', T', H', W']."""
        y = self._convolved(input)
        return super().forward(input) if y is None else y


_FORMS: dict[type[nn.Module], type[nn.Module]] = {
    frames.Conv2d: ReorderedConv2d,
    nn.Conv2d: ReorderedConv2d,
    nn.Conv3d: ReorderedConv3d,
}


def can_keep_reordered(conv: nn.Module) -> bool:
    """Tell whether a convolution pads with zeros, as many as it says."""
    return getattr(conv, "padding_mode", None) == "zeros" and not isinstance(getattr(conv, "padding", ""), str)


def keep_reordered(conv: nn.Module) -> bool:
    """Let a convolution keep its weight reordered from now on, as the same object; tell whether it does.

    Only PyTorch's own layers and `frames.Conv2d` do; others may compute something else.
    """
    if isinstance(conv, _Reordered):
        return True
    form = _FORMS.get(type(conv))
    if form is None or not can_keep_reordered(conv):
        return False
    # the very object, which the network may know by more than its registered name
    conv.__class__ = form
    conv.reordered = ReorderedWeights()  # pyright: ignore[reportArgumentType]  (torch's stub expects tensors and modules)
    return True
