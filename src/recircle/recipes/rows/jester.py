"""Jester (Materzynska et al., ICCV workshops 2019): 27 hand gestures in front of a camera, told apart by motion."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import JESTER
from recircle.recipes.published import NOTES, start
from recircle.recipes.recipe import Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings:
        Nobody has published a script for Jester; these are the published ones of Something-Something V1: learning rate
        0.01, x 0.1 after 30 and 40 of 50 epochs; weight decay 5e-4; batch 32; gradient norm at most 200. The horizontal
        flip swaps the gestures that say left and right, and clockwise and counterclockwise.
    {NOTES}"""


def _jester(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.01, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(30, 40)),
        epochs=50,
        batch_size=32,
        clip_norm=200.0,
    )


RECIPES = (
    Recipe(
        name="jester_tsm_resnet50_8f",
        data=JESTER,
        title="TSM-ResNet-50, 8 frames",
        model="tsm_resnet50",
        frames=8,
        weights="imagenet",
        views="2x3",
        summary="the plain host of ARC",
        remark=(
            "97.0 % top-1 on the validation clips in TSM's own paper, with two clips of three crops; the paper of ARC "
            "does not report on it. Not reproduced here."
        ),
        settings=_jester,
        notes=_NOTES,
    ),
    Recipe(
        name="jester_arc_tsm_resnet50_8f",
        data=JESTER,
        title="ARC-TSM-ResNet-50, 8 frames",
        model="arc_tsm_resnet50",
        frames=8,
        weights="imagenet",
        views="2x3",
        remark="the paper does not report on it, and no figure is known.",
        settings=_jester,
        notes=_NOTES,
    ),
)
