"""Class activation maps over space and time: where in a clip the evidence for a class lies (Fig. 4 of the paper)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from recircle.errors import UserError
from recircle.evaluation.predict import evaluation_mode
from recircle.models.base import VideoModel, check_clips
from recircle.models.ensemble import FrameRateEnsemble
from recircle.models.timesformer import TimeSformer


@dataclass(frozen=True, kw_only=True)
class ClassActivation:
    """Where the evidence of one network for one class lies in one clip.

    Attributes:
        target: the class.
        logits: float32 [K].
        evidence: float32 [t, h, w], what each place of the last maps adds to the logit of the class, or takes from it.
            Where the logits are linear in the maps, it sums up to the logit without the classifier's bias.
        maps: float32 [T, H, W], the evidence interpolated to the frames and pixels of the clip.
    """

    target: int
    logits: Float[np.ndarray, "K"]
    evidence: Float[np.ndarray, "t h w"]
    maps: Float[np.ndarray, "T H W"]

    @property
    def predicted(self) -> int:
        """The likeliest class."""
        return int(self.logits.argmax())

    @property
    def probabilities(self) -> Float[np.ndarray, "K"]:
        """The softmax of the logits, float64 [K]."""
        scores = np.exp(self.logits.astype(np.float64) - self.logits.max())
        return scores / scores.sum()

    @property
    def peak(self) -> int:
        """The frame in which most speaks for the class, counted from 0."""
        return int(self.maps.clip(0).sum((1, 2)).argmax())


def class_activation(model: VideoModel, clip: Float[Tensor, "T 3 H W"], target: int | None = None) -> ClassActivation:
    """Return the evidence for a class in a clip.

    It is the gradient of the class's logit by the last maps times the maps, summed over the channels. For a network
    that pools the maps and classifies linearly this is the class activation map (Zhou et al., CVPR 2016). All heads
    here pool over space first, so the gradient is the same in all places of a frame, and the map is Grad-CAM's
    (Selvaraju et al., ICCV 2017) with weights of its own for each frame, before its ReLU. In TimeSformer, whose class
    token alone is classified, it is taken of the tokens to which that attends in the last block.

    Args:
        model: any network of this package.
        clip: normalised, on the network's device.
        target: the class; None is the one with the highest logit.

    Raises:
        UserError: the network's features are neither maps nor TimeSformer's tokens.
        ValueError: there is no such class, or the network does not take such clips.
    """
    if target is not None and not 0 <= target < model.num_classes:
        raise ValueError(f"target={target}: the network has classes 0 to {model.num_classes - 1}")
    clips = clip[None].to(next(model.parameters()).dtype)
    check_clips(clips, model)
    with evaluation_mode(model):
        features, logits = _attended(model, clips) if isinstance(model, TimeSformer) else _maps(model, clips)
        target = int(logits.argmax()) if target is None else target
        (gradient,) = torch.autograd.grad(logits[target], features)
    evidence = (gradient * features.detach()).sum(2)[0].float()
    if isinstance(model, TimeSformer):
        # the first token is the class token's copy
        evidence = evidence[:, 1:].unflatten(1, [side // model.patch_embed.proj.stride[0] for side in clip.shape[-2:]])
    return ClassActivation(
        target=target,
        logits=logits.detach().float().cpu().numpy(),
        evidence=evidence.cpu().numpy(),
        maps=_enlarge(model, evidence, (len(clip), clip.shape[-2], clip.shape[-1])).cpu().numpy(),
    )


def _maps(
    model: VideoModel, clips: Float[Tensor, "1 T 3 H W"]
) -> tuple[Float[Tensor, "1 t C h w"], Float[Tensor, "K"]]:
    """Return the last maps, [1, t, C, h, w], and the logits that depend on them, [K]."""
    with torch.no_grad():
        features = model.forward_features(clips)
    if features.dim() != 5:
        raise UserError(
            f"{model.name} gives its classifier a tensor {tuple(features.shape)} and not maps [B, T, C, H, W], so it "
            "has no class activation maps; take a convolutional network or a TimeSformer"
        )
    features = features.detach().requires_grad_()
    with torch.enable_grad():
        return features, model.forward_head(features)[0]


def _attended(
    model: TimeSformer, clips: Float[Tensor, "1 T 3 H W"]
) -> tuple[Float[Tensor, "1 T C tokens"], Float[Tensor, "K"]]:
    """Return the tokens that the last block's attention over space takes, as [1, T, C, 1 + N], and the logits."""
    kept: list[Tensor] = []

    def keep(_module: object, _args: object, output: Tensor) -> Tensor:
        kept.append(output.detach().transpose(2, 3).requires_grad_())
        return kept[0].transpose(2, 3)

    last = model.blocks[len(model.blocks) - 1]
    handle = last.get_submodule("norm1").register_forward_hook(keep)
    try:
        with torch.enable_grad():
            logits = model(clips)[0]
    finally:
        handle.remove()
    return kept[0], logits


def _enlarge(model: VideoModel, evidence: Float[Tensor, "t h w"], size: tuple[int, int, int]) -> Float[Tensor, "T H W"]:
    """Interpolate maps to frames and pixels; those of an ensemble's members lie one after the other in time."""
    members = evidence.split(model.frames) if isinstance(model, FrameRateEnsemble) else [evidence]
    enlarged = [F.interpolate(m[None, None], size=size, mode="trilinear")[0, 0] for m in members]
    return torch.stack(enlarged).sum(0)
