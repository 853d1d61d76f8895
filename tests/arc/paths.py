"""The forms in which a layer can be computed, chosen by what the caller needs; the tests compare all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.arc import ArcConv1d, ArcConv2d, ArcConv3d, ArcLayer, functional
from recircle.arc.equations import arc_as_written


@contextmanager
def general_form() -> Iterator[None]:
    """Switch the fast forms off, so that `recurse` computes every layer."""
    with (
        patch.object(functional, "only_attends", lambda *_: False),
        patch.object(functional, "recomputes", lambda *_: False),
        patch.object(functional, "evolves_in_place", lambda *_: False),
        patch.object(functional, "takes_short_steps", lambda *_: False),
    ):
        yield


def by_the_equations(layer: ArcLayer, x: Tensor) -> Tensor:
    """Compute a layer without groups as the paper writes it, with its norm and activation."""
    clip_dims = layer.clip_dims
    g = layer.steps.width
    convolution: Any = {ArcConv1d: F.conv1d, ArcConv2d: F.conv2d, ArcConv3d: F.conv3d}.get(type(layer))  # pyright: ignore

    def generate(j: int, state: Tensor) -> Tensor:
        weight = layer.weight[j * g : (j + 1) * g]
        bias = None if layer.bias is None else layer.bias[j * g : (j + 1) * g]
        z = clip_dims.fold(state)
        if convolution is None:
            y = F.linear(z, weight, bias)
        else:
            y = convolution(z, weight, bias, layer.stride, layer.padding, layer.dilation)
        if layer.config.feedback == "norm_act":
            y = y if layer.norm is None else layer.norm.normalise(y, j * g, g)
            y = y if layer.act is None else layer.act(y)
        return clip_dims.unfold(y, state)

    return layer.finish(arc_as_written(x, generate, layer.matrices, layer.config, clip_dims))


def gradients(layer: ArcLayer, x: Tensor) -> list[Tensor | None]:
    """Return the gradients of x and of all parameters, for some loss that weighs all outputs differently."""
    layer.zero_grad()
    x = x.detach().requires_grad_()
    y = layer(x)
    (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum().backward()
    return [x.grad, *(p.grad for p in layer.parameters())]
