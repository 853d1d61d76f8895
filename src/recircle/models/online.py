"""Networks frame by frame: what is remembered goes in with a frame and comes out with its logits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.arc.module import ArcLayer
from recircle.errors import UserError
from recircle.layers.memory import FRAMES, State, Step, remembering
from recircle.layers.temporal_shift import TemporalShift

if TYPE_CHECKING:
    from recircle.models.base import VideoModel

LOGITS = "logits"
"""The entry of a state that is the mean of the logits of the frames so far, [B, K]."""


def initial_state(model: "VideoModel", batch: int, size: tuple[int, int]) -> State:
    """Return what a network remembers before the first frame: one frame of zeros shows what there is to remember.

    Args:
        model: a causal network.
        batch: videos side by side.
        size: (height, width) of their frames.

    Raises:
        UserError: the network is not causal.
    """
    like = next(model.parameters())
    modes = {module: module.training for module in model.modules()}
    # norms must not learn from this frame
    model.eval()
    try:
        step = Step(model, None, batch)
        with torch.no_grad():
            _forward(model, like.new_zeros(batch, 3, *size), step)
    finally:
        for module, training in modes.items():
            module.training = training
    return step.start


def forward_step(
    model: "VideoModel", frames: Float[Tensor, "B 3 H W"], state: Mapping[str, Tensor]
) -> tuple[Float[Tensor, "B K"], State]:
    """Return the logits after one more frame, and the state for the next; see `VideoModel.forward_step`."""
    # len() would be taken for a constant where the network is captured
    step = Step(model, state, frames.shape[0])
    return _forward(model, frames, step), step.finish()


def _forward(model: "VideoModel", frames: Float[Tensor, "B 3 H W"], step: Step) -> Float[Tensor, "B K"]:
    check_causal(model)
    # in a single video, a view that keeps the strides by which convolutions and poolings know channels last
    single = not torch.compiler.is_compiling() and frames.shape[0] == 1
    clips = frames.unsqueeze(0) if single else frames.unsqueeze(1)
    with remembering(step):
        logits = frame_logits(model, clips)[:, 0]
    before = step.read(LOGITS, torch.zeros_like(logits))
    step.after[LOGITS] = before + (logits - before) / step.count[:, None]
    return step.after[LOGITS]


def prefix_logits(model: "VideoModel", clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T K"]:
    """Return for each frame the logits of the clip that ends with it; see `VideoModel.forward_prefixes`."""
    check_causal(model)
    logits = frame_logits(model, clips)
    numbers = torch.arange(1, clips.shape[1] + 1, device=clips.device)
    return logits.cumsum(1) / numbers[:, None]


def frame_logits(model: "VideoModel", clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T K"]:
    """Return the logits of single frames, whose mean are those of the clip."""
    assert model.consensus == "logits"
    pooled = model.forward_head(model.forward_features(clips), pre_logits=True)
    return model.fc(model.dropout(pooled))


def looks_ahead(name: str) -> str:
    """Say that the network of a name has no causal form, and which have one."""
    return (
        f"{name} looks at later frames and has no causal form; TSN and TSM with ResNets and EfficientNet-Lite have "
        "one, with ARC or without"
    )


def check_causal(model: "VideoModel") -> None:
    """Insist that no frame's output depends on a later frame.

    Raises:
        UserError: one does.
    """
    if not model.causal:
        raise UserError(
            f"{model.name} was not created, and trained, with causal=True, so it does not run frame by frame; TSN and "
            "TSM with ResNets and EfficientNet-Lite can be, with ARC or without"
        )
    ahead = [name for name, module in model.named_modules() if _looks_ahead(module)]
    if ahead:
        raise UserError(
            f"{ahead[0]} of {model.name} looks at later frames, so the network cannot run frame by frame; convert it "
            "with ArcConfig(causal=True)"
        )


def _looks_ahead(module: nn.Module) -> bool:
    if isinstance(module, TemporalShift):
        return not module.causal
    return isinstance(module, ArcLayer) and module.config.evolves and module.config.pools_ahead


__all__ = ["FRAMES", "LOGITS", "State", "forward_step", "initial_state", "prefix_logits"]
