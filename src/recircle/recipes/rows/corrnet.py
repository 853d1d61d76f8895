"""CorrNet (Wang et al., CVPR 2020): correlation in R(2+1)D, from scratch."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import DIVING48_V1, SSV1
from recircle.recipes.published import PEER_NOTES, start
from recircle.recipes.recipe import Printed, Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        None: its code was never released. 32 frames; the schedule of ARC's Diving48 script (learning rate 0.01, rising
        over 10 epochs, then a cosine to zero at 40; weight decay 1e-4) stands in for it, with batch 16.
    {PEER_NOTES}"""


def _corrnet(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest, dropout=None),
        optimiser=Optimiser(lr=0.01, weight_decay=1e-4),
        schedule=Schedule(kind="cosine", warmup=10),
        epochs=40,
        batch_size=16,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="something_v1_corrnet101_32f",
        data=SSV1,
        title="CorrNet-101, 32 frames",
        model="corrnet101",
        frames=32,
        views="10x1",
        paper=Printed(top1=50.9, where="Table 1", cost="187 GMACs x 10"),
        settings=_corrnet,
        notes=_NOTES,
    ),
    Recipe(
        name="diving48_v1_corrnet101_32f",
        data=DIVING48_V1,
        title="CorrNet-101, 32 frames",
        model="corrnet101",
        frames=32,
        views="10x1",
        paper=Printed(top1=38.2, where="Table 3", cost="187 GMACs x 10"),
        settings=_corrnet,
        notes=_NOTES,
    ),
)
