"""Image networks on video: one wrapper that folds the frames into the batch."""

import threading

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle import torch_internals
from recircle.arc.clip_length import run_on_frames
from recircle.arc.module import ArcLayer
from recircle.errors import UserError
from recircle.public import public


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
        x, frames = clips.flatten(0, 1), clips.shape[1]
        if torch.compiler.is_dynamo_compiling():
            y = self._run_compiled(x, frames)
        elif torch_internals.has_compiled_parts(self.net):
            with _COMPILED:
                y = self._run_compiled(x, frames)
        else:
            y = run_on_frames(self.net, x, frames)
        if not isinstance(y, Tensor):
            raise UserError(
                f"{type(self.net).__name__} returned a {type(y).__name__} and no tensor of logits [N, K]; wrap it in a "
                "module that returns its logits alone"
            )
        return y.unflatten(0, clips.shape[:2]).mean(1)

    def _run_compiled(self, x: Float[Tensor, "N C H W"], frames: int) -> Float[Tensor, "N ..."]:
        """Pass T as an attribute of the layers: compiled code cannot see what belongs to a thread."""
        layers = [module for module in self.net.modules() if isinstance(module, ArcLayer)]
        before = [layer.frames for layer in layers]
        for layer in layers:
            layer.frames = frames
        try:
            return self.net(x)
        finally:
            for layer, old in zip(layers, before):
                layer.frames = old


_COMPILED = threading.RLock()
