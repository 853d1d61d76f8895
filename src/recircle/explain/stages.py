"""The stages of a network's trunk: which of them has maps fine enough to show where something is, and those maps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.layers.frames import Conv2d
from recircle.models.base import VideoModel
from recircle.models.ensemble import FrameRateEnsemble
from recircle.models.slowfast import SlowFast


@dataclass(frozen=True)
class Maps:
    """The maps between two parts of a network.

    Attributes:
        values: with the channels at `channel` and time at the other of the dimensions 1 and 2; no gradient has been
            asked of them yet, but they want one.
        channel: 2 where frames are images, [1, t, C, h, w], and 1 where a clip is a volume, [1, C, t, h, w].
    """

    values: Tensor
    channel: int

    def evidence(self, gradient: Tensor) -> Float[Tensor, "t h w"]:
        """Return what each place adds to a logit: its values times the gradient there, summed over the channels."""
        return (gradient * self.values.detach()).sum(self.channel)[0].float()


def maps_and_logits(
    model: VideoModel, clips: Float[Tensor, "1 T 3 H W"], cells: int
) -> tuple[list[Maps], Float[Tensor, "K"]]:
    """Run a network, and return maps of it and the logits [K] that depend on these.

    They are the maps of the deepest stage that has `cells` places or more along its shorter side, or of the finest
    where none has so many. Of networks of several trunks (SlowFast's pathways, the members of an ensemble) there are
    those of each, in order. Only what comes behind the maps is recorded for gradients.

    Args:
        model: in evaluation mode.
        clips: one clip, normalised.
        cells: with 1 the maps are the last ones, which the classifier pools.

    Raises:
        UserError: the network's features are not maps.
    """
    trunks = _trunks(model)
    kept: dict[nn.Module, Tensor] = {}
    with torch.no_grad(), _watching([part for trunk in trunks for part in _blocks(trunk)], kept):
        features = model.forward_features(clips)
    if features.dim() != 5:
        raise UserError(
            f"{model.name} gives its classifier a tensor {tuple(features.shape)} and not maps [B, T, C, H, W], so it "
            "has no class activation maps; take a convolutional network or a TimeSformer"
        )
    stages = [_stage({part: kept[part] for part in _blocks(trunk) if part in kept}, cells) for trunk in trunks]
    if min(features.shape[-2:]) >= cells or any(stage is None for stage in stages):
        features = features.detach().requires_grad_()
        with torch.enable_grad():
            return [Maps(features, 2)], model.forward_head(features)[0]
    chosen = [stage for stage in stages if stage is not None]
    kept.clear()
    with _frozen(model), torch.enable_grad(), _cutting(chosen, kept):
        logits = model(clips)[0]
    return [Maps(kept[part], _channel(trunk)) for part, trunk in zip(chosen, trunks)], logits


def _trunks(model: VideoModel) -> Sequence[nn.Module]:
    if isinstance(model, FrameRateEnsemble):
        return list(model.members)
    return [model.slow, model.fast] if isinstance(model, SlowFast) else [model]


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """Yield what a trunk passes a clip through, one after the other: blocks, but not the layers of its stem."""
    for part in module.children():
        if isinstance(part, nn.Sequential | nn.ModuleList | nn.ModuleDict):
            yield from _blocks(part)
        elif any(True for _ in part.children()):
            yield part


def _stage(outputs: dict[nn.Module, Tensor], cells: int) -> nn.Module | None:
    """Return the last block whose maps are fine enough, or the last of those with the finest; None without blocks."""
    sides = {part: min(output.shape[-2:]) for part, output in outputs.items()}
    wanted = min(cells, max(sides.values(), default=0))
    return next((part for part in reversed(sides) if sides[part] >= wanted), None)


def _channel(trunk: nn.Module) -> int:
    """Return which dimension holds the channels: convolutions of images take frames one by one."""
    return 2 if any(isinstance(layer, Conv2d) for layer in trunk.modules()) else 1


@contextmanager
def _watching(parts: Sequence[nn.Module], kept: dict[nn.Module, Tensor]) -> Iterator[None]:
    """Keep what modules return, if that is maps, in the order in which they do."""

    def keep(module: nn.Module, _args: object, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 5:
            kept[module] = output

    handles = [part.register_forward_hook(keep) for part in parts]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _cutting(parts: Sequence[nn.Module], kept: dict[nn.Module, Tensor]) -> Iterator[None]:
    """Let gradients begin at what modules return."""

    def cut(module: nn.Module, _args: object, output: Tensor) -> Tensor:
        kept[module] = output.detach().requires_grad_()
        # a copy, since what follows may overwrite it
        return kept[module].clone()

    handles = [part.register_forward_hook(cut) for part in parts]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """Let no parameter want a gradient, so that nothing is recorded in front of the cut."""
    wanting = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in wanting:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in wanting:
            parameter.requires_grad_(True)
