"""FineGym (Shao et al., CVPR 2020): elements of gymnastics, 99 balanced classes or 288 with a long tail."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import GYM99, GYM288
from recircle.recipes.published import NOTES, start
from recircle.recipes.recipe import Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings:
        Those of ARC's script for Diving48, the nearest relative, with 8 frames: learning rate 0.01, rising over 10
        epochs, then a cosine to zero at 40; weight decay 1e-4; batch 8; gradient norm at most 20. No element names a
        side, so clips are flipped at random. FineGym's paper reports the mean of the classes beside top-1; `recircle
        eval` prints both.
    {NOTES}"""


def _finegym(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.01, weight_decay=1e-4, bias_lr=2.0),
        schedule=Schedule(kind="cosine", warmup=10),
        epochs=40,
        batch_size=8,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="finegym_gym99_tsm_resnet50_8f",
        data=GYM99,
        title="TSM-ResNet-50, 8 frames",
        model="tsm_resnet50",
        frames=8,
        weights="imagenet",
        views="2x1",
        summary="the plain host of ARC",
        remark="the paper of ARC does not report on it, and FineGym's own figures are of other settings.",
        settings=_finegym,
        notes=_NOTES,
    ),
    Recipe(
        name="finegym_gym99_arc_tsm_resnet50_8f",
        data=GYM99,
        title="ARC-TSM-ResNet-50, 8 frames",
        model="arc_tsm_resnet50",
        frames=8,
        weights="imagenet",
        views="2x1",
        remark="the paper of ARC does not report on it, and FineGym's own figures are of other settings.",
        settings=_finegym,
        notes=_NOTES,
    ),
    Recipe(
        name="finegym_gym288_tsm_resnet50_8f",
        data=GYM288,
        title="TSM-ResNet-50, 8 frames",
        model="tsm_resnet50",
        frames=8,
        weights="imagenet",
        views="2x1",
        summary="the plain host of ARC",
        remark="the paper of ARC does not report on it, and FineGym's own figures are of other settings.",
        settings=_finegym,
        notes=_NOTES,
    ),
    Recipe(
        name="finegym_gym288_arc_tsm_resnet50_8f",
        data=GYM288,
        title="ARC-TSM-ResNet-50, 8 frames",
        model="arc_tsm_resnet50",
        frames=8,
        weights="imagenet",
        views="2x1",
        remark="the paper of ARC does not report on it, and FineGym's own figures are of other settings.",
        settings=_finegym,
        notes=_NOTES,
    ),
)
