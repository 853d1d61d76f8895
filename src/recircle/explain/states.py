"""How the states of ARC layers evolve on a clip: what Fig. 3 of the paper shows, as numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from math import isqrt
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from recircle.arc.module import ArcLayer
from recircle.errors import UserError
from recircle.evaluation.predict import evaluation_mode
from recircle.models.hosts.images import ImageHost
from recircle.models.tokens import TokenGrid


@dataclass(frozen=True, kw_only=True)
class StateEvolution:
    """The states X_1 .. X_n of one ARC layer on one clip, in summary.

    Attributes:
        layer: its name in the network.
        maps: float32 [n, t, h, w], each state averaged over its channels, as in Fig. 3.
        moved: float64 [n], the norm of X_j - X_1 as a share of that of X_1; the first is 0. Where X_1 is all 0, states
            that are not count as 1.
        changes: float32 [n, C], the mean of X_j - X_1 over time and space, of each channel.
        output_size: (h', w') of the features that the layer makes; layers of one stage have it in common.
    """

    layer: str
    maps: Float[np.ndarray, "n t h w"]
    moved: NDArray[np.float64]
    changes: Float[np.ndarray, "n C"]
    output_size: tuple[int, ...]

    def excited(self, step: int, k: int = 5) -> list[tuple[int, float]]:
        """Return the channels that X_step has more of than X_1, at most k, the most changed first, with the change."""
        changes = self.changes[step - 1]
        return [(int(c), float(changes[c])) for c in np.argsort(-changes, kind="stable")[:k] if changes[c] > 0]

    def suppressed(self, step: int, k: int = 5) -> list[tuple[int, float]]:
        """Return the channels that X_step has less of than X_1, at most k, the most changed first, with the change."""
        changes = self.changes[step - 1]
        return [(int(c), float(changes[c])) for c in np.argsort(changes, kind="stable")[:k] if changes[c] < 0]


def state_evolution(
    model: nn.Module, clip: Float[Tensor, "..."], layers: Sequence[str] | None = None
) -> dict[str, StateEvolution]:
    """Follow the states of a network's ARC layers while it sees a clip.

    The network runs as it is, in evaluation mode. Beside each layer the recursion is computed once more from the input
    that the layer got, in its readable form, which gives the states.

    Args:
        model: any network with ARC layers, prepared for inference or not.
        clip: one clip as the network takes it, without the dimension of the batch: [T, 3, H, W] normalised for networks
            of this package and `recircle.FrameModel`.
        layers: names of ARC layers, or patterns such as "layer4.*"; None is all of them.

    Returns:
        By name, in the order in which the layers ran. Of a layer that ran several times it is the last.

    Raises:
        UserError: the network has no ARC layer whose state evolves, or none of a name, or the tokens that a linear
            layer takes cannot be told to lie somewhere in the frames.
    """
    chosen = choose_layers(model, layers)
    found: dict[str, StateEvolution] = {}
    grid = getattr(model, "token_grid", None)

    def lay_out(tokens: Tensor, name: str) -> Tensor:
        if grid is None:
            return _lay_out(tokens, name, clip.shape)
        return _on_grid(tokens, grid, clip.shape, framewise=isinstance(model, ImageHost))

    def watch(name: str) -> Any:
        def hook(layer: ArcLayer, args: tuple[Tensor, ...], output: Tensor) -> None:
            found[name] = _summarise(name, layer, args[0], output, lay_out)

        return hook

    handles = [model.get_submodule(name).register_forward_hook(watch(name)) for name in chosen]
    try:
        with evaluation_mode(model), torch.no_grad():
            model(clip[None])
    finally:
        for handle in handles:
            handle.remove()
    return found


def arc_layers(model: nn.Module) -> list[str]:
    """Return the names of the ARC layers whose state evolves; with one step, or neither term, it does not."""
    return [name for name, layer in model.named_modules() if isinstance(layer, ArcLayer) and layer.config.evolves]


def choose_layers(model: nn.Module, patterns: Sequence[str] | None) -> list[str]:
    """Return the names of the ARC layers that fit any of the patterns; None fits all.

    Raises:
        UserError: there are none; the message says which there are.
    """
    known = arc_layers(model)
    if not known:
        raise UserError(
            f"this {type(model).__name__} has no ARC layer whose state evolves; give a network with ARC layers, "
            "such as arc_tsm_resnet18, or convert one by recircle.convert"
        )
    for pattern in patterns or ():
        if not any(fnmatch(name, pattern) for name in known):
            raise UserError(f"there is no ARC layer {pattern!r}; the ARC layers are {', '.join(known)}")
    return known if patterns is None else [name for name in known if any(fnmatch(name, p) for p in patterns)]


def last_of_each_stage(evolutions: dict[str, StateEvolution]) -> list[StateEvolution]:
    """Return of the layers whose features have one size the one that ran last."""
    last = {evolution.output_size: evolution for evolution in evolutions.values()}
    return [evolution for evolution in evolutions.values() if last[evolution.output_size] is evolution]


def _summarise(
    name: str,
    layer: ArcLayer,
    x: Float[Tensor, "..."],
    output: Float[Tensor, "..."],
    lay_out: Callable[[Tensor, str], Tensor],
) -> StateEvolution:
    states, _, y = layer.unroll(x)
    # the layer's fast forms round otherwise
    tolerance = max(1e-3, 16 * torch.finfo(output.dtype).eps)
    assert (y.reshape(output.shape) - output).abs().max() <= tolerance * output.abs().max(), name
    clip_dims = layer.clip_dims
    first, channel = states[0].float(), clip_dims.channel
    others = [d for d in range(first.dim()) if d != channel]
    norm, distances = first.norm(), torch.stack([(state.float() - first).norm() for state in states])
    maps = torch.stack([state.float().mean(channel).flatten(0, 1) for state in states])
    size = tuple(y.shape[d] for d in clip_dims.space)
    return StateEvolution(
        layer=name,
        maps=(maps if maps.dim() == 4 else lay_out(maps, name)).cpu().numpy(),
        moved=(distances / norm if norm > 0 else (distances > 0)).cpu().double().numpy(),
        changes=torch.stack([(state.float() - first).mean(others) for state in states]).cpu().numpy(),
        output_size=size,
    )


def _on_grid(
    tokens: Float[Tensor, "n F L"], grid: TokenGrid, clip: torch.Size, *, framewise: bool
) -> Float[Tensor, "n T h w"]:
    """Bring tokens to the places that a network says they have; those of other things are left out."""
    size = (clip[-2], clip[-1])
    if framewise:
        return grid.lay_out(tokens, 1, size).flatten(1, 2)
    return grid.lay_out(tokens.flatten(1), clip[0], size)


def _lay_out(tokens: Float[Tensor, "n F L"], name: str, clip: torch.Size) -> Float[Tensor, "n T h w"]:
    """Bring tokens to their places: those of square patches, row by row and frame by frame, after a class token or not.

    Raises:
        UserError: they are something else.
    """
    height, width = clip[-2:]
    sets, length = tokens.shape[1:]
    frames = max(clip[0] // sets, 1)
    for extra in (0, 1):
        per_frame = (length - extra) // frames
        side = isqrt(height * width // max(per_frame, 1))
        if side == 0 or height % side or width % side or frames * per_frame != length - extra:
            continue
        rows, columns = height // side, width // side
        if rows * columns == per_frame:
            return tokens[..., extra:].reshape(len(tokens), sets * frames, rows, columns)
    raise UserError(
        f"{name} takes {length} tokens, which are not the patches of frames of {height} x {width} pixels, so its "
        "states cannot be shown in them; choose other layers"
    )
