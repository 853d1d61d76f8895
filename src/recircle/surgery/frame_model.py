"""Image networks on video: one wrapper that folds the frames into the batch."""

import threading
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle import torch_internals
from recircle.arc.clip_length import run_on_frames
from recircle.arc.module import ArcLayer
from recircle.errors import UserError
from recircle.public import public
from recircle.surgery.folded_shift import FoldedShift


@public
class FrameModel(nn.Module):
    """An image network applied to the frames of clips; the outputs are averaged over the frames.

    ARC layers inside see which frames belong together, so their attention pools over time as well. Several threads can
    run one network at a time, on clips of different lengths; where parts of it are compiled, they take turns.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, clips: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B ..."]:
        """Return [B, K] for clips [B, T, C, H, W] and a network [N, C, H, W] -> [N, K].

        Raises:
            ValueError: `clips` does not have five dimensions.
            UserError: the network returns something else than a tensor.
        """
        if clips.dim() != 5:
            raise ValueError(f"FrameModel takes clips [B, T, C, H, W], got a tensor of shape {tuple(clips.shape)}")
        y = on_frames(self.net, clips)
        if not isinstance(y, Tensor):
            raise UserError(
                f"{type(self.net).__name__} returned a {type(y).__name__} and no tensor of logits [N, K]; wrap it in a "
                "module that returns its logits alone"
            )
        return y.unflatten(0, clips.shape[:2]).mean(1)


def on_frames(
    net: nn.Module, clips: Float[Tensor, "B T *rest"], run: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Return what a network makes of the frames of clips, folded into the batch: [B T, ...].

    Args:
        net: its ARC layers learn T meanwhile.
        clips: [B, T, ...].
        run: a part of the network that is run instead of all of it, such as a method.
    """
    run = net if run is None else run
    x, frames = clips.flatten(0, 1), clips.shape[1]
    if torch.compiler.is_dynamo_compiling():
        return _run_compiled(net, run, x, frames)
    if torch_internals.has_compiled_parts(net):
        with _COMPILED:
            return _run_compiled(net, run, x, frames)
    return run_on_frames(run, x, frames)


def _run_compiled(net: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor, frames: int) -> Tensor:
    """Pass T as an attribute of the layers: compiled code cannot see what belongs to a thread."""
    layers = [module for module in net.modules() if isinstance(module, ArcLayer | FoldedShift)]
    before = [layer.frames for layer in layers]
    for layer in layers:
        layer.frames = frames
    try:
        return run(x)
    finally:
        for layer, old in zip(layers, before):
            layer.frames = old


_COMPILED = threading.RLock()
