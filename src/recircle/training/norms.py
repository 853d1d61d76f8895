"""Batch norms that stay as they are while the rest of a network learns."""

from collections.abc import Sequence
from typing import Literal

from torch import nn

from recircle.torch_internals import BatchNorm


def freeze_norms(model: nn.Module, which: Literal["none", "all", "all_but_first"]) -> Sequence[nn.Module]:
    """Take the scales and shifts of batch norms out of training and return these norms.

    Their statistics stay only if `train_mode` sets the model's mode. "all_but_first" is the "partial BN" of TSN
    (Wang et al., 2016), which lets the first norm adapt to the input.
    """
    norms = [module for module in model.modules() if isinstance(module, BatchNorm)]
    frozen = {"none": [], "all": norms, "all_but_first": norms[1:]}[which]
    for norm in frozen:
        norm.requires_grad_(False)
    return frozen


def train_mode(model: nn.Module, frozen: Sequence[nn.Module]) -> None:
    """Set a model to training mode, all but what is frozen of it: norms, or whole parts."""
    model.train()
    for part in frozen:
        part.eval()
