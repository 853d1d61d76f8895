"""TEA (Li et al., CVPR 2020): motion excitation and temporal aggregation in Res2Net-50."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import KINETICS400, SSV1
from recircle.recipes.published import PEER_NOTES, start
from recircle.recipes.recipe import Printed, Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        Learning rate 0.02, x 0.1 after 30, 40 and 45 of 50 epochs; weight decay 5e-4; batch 64; dropout 0.5; all batch
        norms are trained; gradient norm at most 20. The training on Kinetics-400 is taken to be the same. Three crops
        are squares of 256 px, which cost more than the 224 px that the paper's GMACs are of.
    {PEER_NOTES}"""


def _tea(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.02, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(30, 40, 45)),
        epochs=50,
        batch_size=64,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="something_v1_tea_res2net50_16f",
        data=SSV1,
        title="TEA-Res2Net-50, 16 frames",
        model="tea_res2net50",
        frames=16,
        weights="imagenet",
        views="10x3",
        paper=Printed(top1=52.3, top5=81.9, where="Table 1", cost="70 GMACs x 30"),
        settings=_tea,
        notes=_NOTES,
    ),
    Recipe(
        name="kinetics400_tea_res2net50_8f",
        data=KINETICS400,
        title="TEA-Res2Net-50, 8 frames",
        model="tea_res2net50",
        frames=8,
        weights="imagenet",
        views="10x1",
        paper=Printed(top1=75.0, where="Table 5", cost="35 GMACs x 10"),
        settings=_tea,
        notes=_NOTES,
    ),
)
