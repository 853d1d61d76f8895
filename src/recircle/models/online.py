"""Networks frame by frame: what is remembered goes in with a frame and comes out with its logits."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.arc.module import ArcLayer
from recircle.layers.memory import State, Step, remembering
from recircle.layers.temporal_shift import TemporalShift

FrameLogits = Callable[[Tensor], Tensor]
"""A network's logits of single frames, whose mean are those of a clip: [B, T, 3, H, W] to [B, T, K]."""

LOGITS = "logits"
"""The entry of a state that is the mean of the logits of the frames so far, [B, K]."""


def initial_state(network: nn.Module, frame_logits: FrameLogits, batch: int, size: tuple[int, int]) -> State:
    """Return what a network remembers before the first frame: one frame of zeros shows what there is to remember.

    Args:
        network: a causal one.
        frame_logits: of it.
        batch: videos side by side.
        size: (height, width) of their frames.
    """
    like = next(network.parameters())
    modes = {module: module.training for module in network.modules()}
    # norms must not learn from this frame
    network.eval()
    try:
        step = Step(network, None, batch)
        with torch.no_grad():
            _run(step, frame_logits, like.new_zeros(batch, 3, *size))
    finally:
        for module, training in modes.items():
            module.training = training
    return step.start


def forward_step(
    network: nn.Module, frame_logits: FrameLogits, frames: Float[Tensor, "B 3 H W"], state: Mapping[str, Tensor]
) -> tuple[Float[Tensor, "B K"], State]:
    """Return the logits after one more frame, and the state for the next; see `VideoModel.forward_step`."""
    # len() would be taken for a constant where the network is captured
    step = Step(network, state, frames.shape[0])
    return _run(step, frame_logits, frames), step.finish()


def _run(step: Step, frame_logits: FrameLogits, frames: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K"]:
    # in a single video, a view that keeps the strides by which convolutions and poolings know channels last
    single = not torch.compiler.is_compiling() and frames.shape[0] == 1
    clips = frames.unsqueeze(0) if single else frames.unsqueeze(1)
    with remembering(step):
        logits = frame_logits(clips)[:, 0]
    before = step.read(LOGITS, torch.zeros_like(logits))
    step.after[LOGITS] = before + (logits - before) / step.count[:, None]
    return step.after[LOGITS]


def prefix_logits(logits: Float[Tensor, "B T K"]) -> Float[Tensor, "B T K"]:
    """Return for each frame the mean of the logits of the frames up to it."""
    numbers = torch.arange(1, logits.shape[1] + 1, device=logits.device)
    return logits.cumsum(1) / numbers[:, None]


def layer_that_looks_ahead(network: nn.Module) -> str | None:
    """Return the name of a shift or an ARC layer whose frames depend on later ones; None where there is none."""
    return next((name for name, module in network.named_modules() if _looks_ahead(module)), None)


def _looks_ahead(module: nn.Module) -> bool:
    if isinstance(module, TemporalShift):
        return not module.causal
    return isinstance(module, ArcLayer) and module.config.pools_over_time and not module.config.causal


def no_causal_form(name: str) -> str:
    """Say that the network of a name has no causal form, and which have one."""
    return (
        f"{name} looks at later frames and has no causal form; TSN and TSM with ResNets and EfficientNet-Lite have "
        "one, with ARC or without"
    )
