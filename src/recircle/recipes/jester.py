"""Jester (Materzynska et al., ICCV workshops 2019): 27 hand gestures in front of a camera, told apart by motion."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings:
        Nobody has published a script for Jester; these are the published ones of Something-Something V1: learning rate
        0.01, x 0.1 after 30 and 40 of 50 epochs; weight decay 5e-4; batch 32; gradient norm at most 200. The horizontal
        flip swaps the gestures that say left and right, and clockwise and counterclockwise.
    {NOTES}"""


def _jester(run: str, data: Path, model: str) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        model,
        sampling=Sampling(frames=8),
        optimiser=Optimiser(lr=0.01, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(30, 40)),
        evaluation=Protocol(),
        epochs=50,
        batch_size=32,
        clip_norm=200.0,
    )


@recipe(notes=_NOTES, weights="resnet50.pth")
def jester_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """Jester, TSM-ResNet-50, 8 frames: the plain host of ARC.

    Commands:
        recircle index JESTER --layout jester
        recircle train jester_tsm_resnet50_8f --data JESTER --model.pretrained resnet50.pth
        recircle eval runs/jester_tsm_resnet50_8f --views 2x3

    Expected: 97.0 % top-1 on the validation clips in TSM's own paper, with two clips of three crops; the paper of ARC
    does not report on it. Not reproduced here.
    """
    return _jester("jester_tsm_resnet50_8f", data, "tsm_resnet50")


@recipe(notes=_NOTES, weights="resnet50.pth")
def jester_arc_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """Jester, ARC-TSM-ResNet-50, 8 frames.

    Commands:
        recircle index JESTER --layout jester
        recircle train jester_arc_tsm_resnet50_8f --data JESTER --model.pretrained resnet50.pth
        recircle eval runs/jester_arc_tsm_resnet50_8f --views 2x3

    Expected: the paper does not report on it, and no figure is known.
    """
    return _jester("jester_arc_tsm_resnet50_8f", data, "arc_tsm_resnet50")
