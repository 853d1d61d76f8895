"""Class activation maps over space and time: where in a clip the evidence for a class lies (Fig. 4 of the paper)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from recircle.evaluation.predict import evaluation_mode
from recircle.explain.stages import maps_and_logits
from recircle.models.base import VideoModel, check_clips
from recircle.models.ensemble import FrameRateEnsemble
from recircle.models.hosts.clips import ClipHost
from recircle.models.hosts.images import ImageHost
from recircle.models.timesformer import TimeSformer

CELLS = 14
"""Places along the shorter side of a map, at least. In fewer, things that are a sixth of the frame lie in one place."""


@dataclass(frozen=True, kw_only=True)
class ClassActivation:
    """Where the evidence of one network for one class lies in one clip.

    Attributes:
        target: the class.
        logits: float32 [K].
        evidence: float32 [t, h, w], what each place of the network's maps adds to the logit of the class, or takes from
            it. Where the logits are linear in the maps, it sums up to the logit without the classifier's bias.
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
    def most(self) -> float:
        """The evidence that pictures show as the most: a place in 200 may have more, or all others would look dark."""
        high = float(np.quantile(self.maps, 0.995))
        return high if high > 0 else float(self.maps.max())

    @property
    def peak(self) -> int:
        """The frame in which most speaks for the class, counted from 0."""
        return int(self.maps.clip(0).sum((1, 2)).argmax())


def class_activation(
    model: VideoModel, clip: Float[Tensor, "T 3 H W"], target: int | None = None, *, cells: int = CELLS
) -> ClassActivation:
    """Return the evidence for a class in a clip.

    It is the gradient of the class's logit by maps times these maps, place by place, summed over the channels
    (HiResCAM: Draelos and Carin, arXiv 2011.08891). Of the last maps of a network that pools them and classifies
    linearly this is the class activation map (Zhou et al., CVPR 2016), and Grad-CAM's (Selvaraju et al., ICCV 2017)
    before its ReLU.

    A narrow network's last maps may have 2 x 2 places, in which nothing can be found. So the maps are those of the
    deepest stage with `cells` places along the shorter side, as LayerCAM takes maps of earlier stages (Jiang et al.,
    IEEE TIP 2021). The gradient keeps its sign, though: of maps of its positive part alone, as LayerCAM has them, some
    is still there when the network's weights are shuffled.

    In TimeSformer, whose class token alone is classified, it is taken of the tokens to which that attends in the last
    block; in transformers of other libraries, of the tokens that the last block takes.

    Args:
        model: any network of this package.
        clip: normalised, on the network's device.
        target: the class; None is the one with the highest logit.
        cells: places that the maps have along the shorter side, or more where a stage is finer; 1 takes the last maps.

    Raises:
        UserError: the network has neither maps nor tokens whose places are known.
        ValueError: there is no such class, or the network does not take such clips, or `cells` is below 1.
    """
    if target is not None and not 0 <= target < model.num_classes:
        raise ValueError(f"target={target}: the network has classes 0 to {model.num_classes - 1}")
    if cells < 1:
        raise ValueError(f"cells={cells}: a map has 1 place along its side, or more")
    clips = clip[None].to(next(model.parameters()).dtype)
    check_clips(clips, model)
    with evaluation_mode(model):
        if isinstance(model, TimeSformer):
            tokens, logits = _attended(model, clips)
            target = int(logits.argmax()) if target is None else target
            (gradient,) = torch.autograd.grad(logits[target], tokens)
            evidence = _laid_out(model, (gradient * tokens.detach()).sum(2)[0].float(), clip)
        elif isinstance(model, ClipHost | ImageHost) and model.token_grid is not None:
            tokens, logits = _entering(model, clips)
            target = int(logits.argmax()) if target is None else target
            (gradient,) = torch.autograd.grad(logits[target], tokens)
            values = (gradient * tokens.detach()).sum(-1).float()
            size = (clip.shape[-2], clip.shape[-1])
            if isinstance(model, ImageHost):
                evidence = model.token_grid.lay_out(values, 1, size)[:, 0]
            else:
                evidence = model.token_grid.lay_out(values[0], len(clip), size)
        else:
            maps, logits = maps_and_logits(model, clips, cells)
            target = int(logits.argmax()) if target is None else target
            gradients = torch.autograd.grad(logits[target], [part.values for part in maps])
            found = [part.evidence(gradient) for part, gradient in zip(maps, gradients)]
            evidence = torch.cat(found) if isinstance(model, FrameRateEnsemble) else _added(found)
    return ClassActivation(
        target=target,
        logits=logits.detach().float().cpu().numpy(),
        evidence=evidence.cpu().numpy(),
        maps=_enlarge(model, evidence, (len(clip), clip.shape[-2], clip.shape[-1])).cpu().numpy(),
    )


def _added(found: Sequence[Float[Tensor, "_t h w"]]) -> Float[Tensor, "t h w"]:
    """Add evidence of pathways; that of one which sees fewer frames is shared by those that lie between them."""
    most = max(len(part) for part in found)
    return torch.stack([part.repeat_interleave(most // len(part), 0) * len(part) / most for part in found]).sum(0)


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


def _entering(
    model: ClipHost | ImageHost, clips: Float[Tensor, "1 T 3 H W"]
) -> tuple[Float[Tensor, "sets tokens C"], Float[Tensor, "K"]]:
    """Return the tokens that the last block takes, of the clip or of each frame, and the logits."""
    kept: list[Tensor] = []

    def keep(_module: object, args: tuple[Any, ...]) -> tuple[Any, ...]:
        kept.append(args[0].detach().requires_grad_())
        return kept[-1], *args[1:]

    *_, last = model.get_submodule(model.blocks).children()
    handle = last.register_forward_pre_hook(keep)
    try:
        with torch.enable_grad():
            logits = model(clips)[0]
    finally:
        handle.remove()
    return kept[-1], logits


def _laid_out(
    model: TimeSformer, tokens: Float[Tensor, "T L"], clip: Float[Tensor, "T 3 H W"]
) -> Float[Tensor, "T h w"]:
    """Return the tokens of the patches at their places; the first one is the class token's copy."""
    return tokens[:, 1:].unflatten(1, [side // model.patch_embed.proj.stride[0] for side in clip.shape[-2:]])


def _enlarge(model: VideoModel, evidence: Float[Tensor, "t h w"], size: tuple[int, int, int]) -> Float[Tensor, "T H W"]:
    """Interpolate maps to frames and pixels; those of an ensemble's members lie one after the other in time."""
    members = evidence.split(model.frames) if isinstance(model, FrameRateEnsemble) else [evidence]
    enlarged = [F.interpolate(m[None, None], size=size, mode="trilinear")[0, 0] for m in members]
    return torch.stack(enlarged).sum(0)
