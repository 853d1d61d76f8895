"""Kinetics-400 (Kay et al., 2017): the row of ARC in Table 5, on actions that are not fine-grained."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import KINETICS400
from recircle.recipes.published import NOTES, start
from recircle.recipes.recipe import Printed, Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published script:
        8 frames, 8 apart (a window of 64); learning rate 0.02, x 0.1 after 30 and 60 of 75 epochs; weight decay 1e-4;
        batch 96; gradient norm at most 20. The script has ARC in the last two stages only, but the 37 GMACs of the
        paper are those of ARC in all four, which is what this recipe trains.

    Test:
        After each epoch one view of a clip is evaluated, since the thirty of the paper take thirty times as long. Three
        crops are squares of 256 px, at 48 GMACs a view; the paper prints the 37 GMACs of a view of 224 px.

    Data:
        K400 holds `train` and `val`, with or without a folder a class, and the lists train.csv and val.csv, by which
        clips that have vanished are known.
    {NOTES}"""


def _kinetics400(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.02, weight_decay=1e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(30, 60)),
        epochs=75,
        batch_size=96,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="kinetics400_arc_tsm_resnet50_8f",
        data=KINETICS400,
        title="ARC-TSM-ResNet-50, 8 frames",
        model="arc_tsm_resnet50",
        frames=8,
        stride=8,
        weights="imagenet",
        views="10x3",
        paper=Printed(top1=75.0, where="Table 5", cost="37 GMACs x 30"),
        settings=_kinetics400,
        notes=_NOTES,
    ),
)
