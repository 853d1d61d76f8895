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
from recircle.models.hosts.images import ImageHost
from recircle.models.slowfast import SlowFast
from recircle.models.wrapped import WrappedModel
from recircle.surgery.frame_model import FrameModel


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
    foreign = isinstance(model, ImageHost | WrappedModel)
    kept: dict[nn.Module, Maps] = {}
    parts = [list(_blocks(trunk) if not foreign else _links(trunk)) for trunk in trunks]
    with torch.no_grad(), _watching([part for inside in parts for part in inside], kept, clips.shape[1]):
        features = model(clips) if foreign else model.forward_features(clips)
    stages = [_stage({part: kept[part] for part in inside if part in kept}, cells) for inside in parts]
    if foreign:
        _check_foreign(model, clips, found=all(stage is not None for stage in stages))
    elif features.dim() != 5:
        raise UserError(
            f"{model.name} gives its classifier a tensor {tuple(features.shape)} and not maps [B, T, C, H, W], so it "
            "has no class activation maps; take a convolutional network or a transformer whose tokens are known here"
        )
    elif min(features.shape[-2:]) >= cells or any(stage is None for stage in stages):
        features = features.detach().requires_grad_()
        with torch.enable_grad():
            return [Maps(features, 2)], model.forward_head(features)[0]
    chosen = [stage for stage in stages if stage is not None]
    kept.clear()
    with _frozen(model), torch.enable_grad(), _cutting(chosen, kept, clips.shape[1]):
        logits = model(clips)[0]
    return [kept[part] for part in chosen], logits


def _check_foreign(model: VideoModel, clips: Float[Tensor, "1 T 3 H W"], *, found: bool) -> None:
    """Insist on maps with the channels before the places, in a network of another library.

    Raises:
        UserError: it has none.
    """
    if isinstance(model, ImageHost) and found:
        with torch.no_grad():
            last = model.forward_features(clips)
        found = last.dim() == 5 and last.shape[2] == model.num_features
    if not found:
        raise UserError(
            f"{model.name} has no class activation maps: none of the parts that its frames go through one after the "
            "other returns maps [N, C, H, W] (or of clips [B, C, T, H, W]) that are known to be such"
        )


def _trunks(model: VideoModel) -> Sequence[nn.Module]:
    if isinstance(model, FrameRateEnsemble):
        return list(model.members)
    if isinstance(model, ImageHost):
        return [model.net]
    if isinstance(model, WrappedModel):
        return [model.net.net if isinstance(model.net, FrameModel) else model.net]
    return [model.slow, model.fast] if isinstance(model, SlowFast) else [model]


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """Yield what a trunk passes a clip through, one after the other: blocks, but not the layers of its stem."""
    for part in module.children():
        if isinstance(part, nn.Sequential | nn.ModuleList | nn.ModuleDict):
            yield from _blocks(part)
        elif any(True for _ in part.children()):
            yield part


def _links(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the blocks of a network of another library; and the layers, where it is a mere chain of these."""
    children = list(module.children())
    if len(children) == 1 and not isinstance(module, nn.Sequential):
        yield from _links(children[0])
        return
    blocks = list(_blocks(module))
    yield from blocks or (part for part in module.modules() if isinstance(module, nn.Sequential) and _is_leaf(part))


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def _stage(outputs: dict[nn.Module, Maps], cells: int) -> nn.Module | None:
    """Return the last block whose maps are fine enough, or the last of those with the finest; None without blocks."""
    sides = {part: min(maps.values.shape[-2:]) for part, maps in outputs.items()}
    wanted = min(cells, max(sides.values(), default=0))
    return next((part for part in reversed(sides) if sides[part] >= wanted), None)


def _maps(output: Tensor, module: nn.Module, frames: int) -> Maps | None:
    """Return what a module makes of one clip as maps; None if it is none.

    Frames lie in the batch dimension in the image networks of other libraries.
    """
    if output.dim() == 4 and len(output) == frames:
        return Maps(output[None], 2)
    if output.dim() != 5:
        return None
    # convolutions of images take frames one by one
    return Maps(output, 2 if any(isinstance(layer, Conv2d) for layer in module.modules()) else 1)


@contextmanager
def _watching(parts: Sequence[nn.Module], kept: dict[nn.Module, Maps], frames: int) -> Iterator[None]:
    """Keep what modules return, if that is maps, in the order in which they do."""

    def keep(module: nn.Module, _args: object, output: object) -> None:
        if isinstance(output, Tensor) and (maps := _maps(output, module, frames)) is not None:
            kept[module] = maps

    handles = [part.register_forward_hook(keep) for part in parts]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _cutting(parts: Sequence[nn.Module], kept: dict[nn.Module, Maps], frames: int) -> Iterator[None]:
    """Let gradients begin at what modules return."""

    def cut(module: nn.Module, _args: object, output: Tensor) -> Tensor:
        maps = _maps(output.detach(), module, frames)
        assert maps is not None
        kept[module] = Maps(maps.values.requires_grad_(), maps.channel)
        # a copy, since what follows may overwrite it
        return kept[module].values.clone().view(output.shape)

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
