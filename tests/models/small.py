"""Small forms of all registered networks, and clips that they take: what the tests that run over all of them use."""

from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

import pytest
import torch
from torch import Tensor

from recircle.arc.module import ArcLayer
from recircle.models import VideoModel, create_model, list_models

LARGER = (
    "*101*",
    "*resnet34*",
    "*_lite[12]",
    "timesformer_[hl]*",
    "corrnet50",
    "rubiksnet_[sm]*",
    "*_16f",
    "*_mmaction2",
)
"""Networks that differ from others of the list in numbers of layers and channels alone, or from two that are joined."""


def every_network(pattern: str = "*") -> list[Any]:
    """Return the names that fit; those that have no parts that others have not are for the slow tests."""
    names = [name for name in list_models() if fnmatch(name, pattern)]
    larger = {name for name in names if any(fnmatch(name, one) for one in LARGER)}
    return [pytest.param(name, marks=pytest.mark.slow) if name in larger else name for name in names]


@dataclass(frozen=True, kw_only=True)
class Small:
    """How a family of networks is made small.

    Attributes:
        options: of `create_model`.
        size: pixels of the side of a small clip.
        frames: T of two small clips.
        ordered: whether the logits depend on the order of the frames.
        zeros: deviation of what begins at zero.
    """

    options: dict[str, Any] = field(default_factory=lambda: {"width": 8})
    size: int = 33
    frames: tuple[int, int] = (1, 3)
    ordered: bool = True
    zeros: float = 0.05


SMALL = {
    "*_8f_16f": Small(frames=(16, 17)),
    "*tsn_inceptionv3": Small(options={"width": 8}, size=75, ordered=False),
    "*tsn_bninception": Small(options={"width": 16}, size=32, ordered=False),
    "*tsn_*": Small(ordered=False),
    "trn_bninception": Small(options={"width": 16}, size=32, frames=(8, 8)),
    "*gsm_inceptionv3": Small(options={"width": 8}, size=75),
    "*gsm_bninception": Small(options={"width": 16}, size=32),
    "*msnet_*": Small(options={"width": 16}, size=48),
    "*tea_*": Small(options={"width": 16}),
    "*abm_*": Small(frames=(3, 6), zeros=0.005),
    "*slowfast_*": Small(options={"width": 32}, frames=(4, 8)),
    "*timesformer_*": Small(options={"width": 32, "depth": 2, "drop_path": 0.0}, size=32),
    "*i3d_resnet50_nonlocal": Small(frames=(7, 16)),
    "*i3d_resnet50_mmaction2": Small(frames=(5, 16)),
    "*i3d_resnet50*": Small(frames=(2, 5)),
    "i3d_inception": Small(options={"width": 16}, frames=(2, 9)),
}
"""By pattern of the name, the first that fits; others are made small as ResNets are."""


def small_form(name: str) -> Small:
    """Return how a network is made small."""
    return next((form for pattern, form in SMALL.items() if fnmatch(name, pattern)), Small())


def small(name: str, num_classes: int = 5) -> VideoModel:
    """Return a small network whose ARC matrices, norms and logits are not at their initial values."""
    model = create_model(name, num_classes, dropout=0.0, **small_form(name).options)
    assert model.name == name
    with torch.no_grad():
        for key, value in [*model.named_parameters(), *model.named_buffers()]:
            if key.endswith("running_var"):
                value.uniform_(0.8, 1.2)
            elif key.endswith(("running_mean", "bias")) or key.startswith("fc."):
                value.normal_(0, 0.1)
            elif ".se.fc1." in key:
                # its input is not negative, so that no gate is dead
                value.abs_()
            elif value.is_floating_point() and not value.any():
                # gates, temporal projections and the like, which begin at zero
                value.normal_(0, small_form(name).zeros)
        for layer in model.modules():
            if isinstance(layer, ArcLayer):
                for matrix in (layer.embedding, layer.attention, layer.fusion):
                    assert matrix is not None
                    matrix.normal_(0, 0.1)
    return model


def small_clips(name: str, batch: int = 2, frames: int | None = None) -> Tensor:
    """Return random clips for the small network of that name."""
    form = small_form(name)
    return torch.randn(batch, frames or form.frames[-1], 3, form.size, form.size)
