"""TimeSformer (Bertasius et al., ICML 2021): divided attention in space and time."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import DIVING48_V2
from recircle.recipes.published import PEER_NOTES, start
from recircle.recipes.recipe import Printed, Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        96 frames; learning rate 0.005, x 0.1 after 11 and 14 of 15 epochs; weight decay 1e-4; batch 64; three crops of
        one clip. Which frames it took of a dive is not published; here they are those of the whole clip.
    {PEER_NOTES}"""


def _timesformer(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest, dropout=None),
        optimiser=Optimiser(lr=0.005, nesterov=False, weight_decay=1e-4),
        schedule=Schedule(kind="step", milestones=(11, 14)),
        epochs=15,
        batch_size=64,
    )


RECIPES = (
    Recipe(
        name="diving48_v2_timesformer_large_96f",
        data=DIVING48_V2,
        title="TimeSformer-L, 96 frames",
        model="timesformer_large",
        frames=96,
        weights="imagenet",
        views="1x3",
        paper=Printed(
            top1=81.0,
            where="Table 3",
            cost="2,380 GMACs x 3 by our count (the paper prints 238 x 30), 121 M parameters",
        ),
        remark="The weights are those of timm's ViT-B/16 on ImageNet.",
        settings=_timesformer,
        notes=_NOTES,
    ),
)
