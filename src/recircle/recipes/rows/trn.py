"""TRN (Zhou et al., ECCV 2018): relations of frames on BN-Inception."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import SSV1
from recircle.recipes.published import PEER_NOTES, start
from recircle.recipes.recipe import Printed, Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        8 frames; learning rate 0.001, x 0.1 after 50 and 100 of 120 epochs; weight decay 5e-4; batch 64; gradient norm
        at most 20; dropout 0.8; all batch norms but the first keep their statistics; biases learn at twice the rate.
        The relations of each clip are drawn at random in training; in evaluation they are the same each time.
    {PEER_NOTES}"""


def _trn(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest, dropout=0.8),
        optimiser=Optimiser(lr=0.001, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(50, 100)),
        epochs=120,
        batch_size=64,
        clip_norm=20.0,
        freeze_norms="all_but_first",
    )


RECIPES = (
    Recipe(
        name="something_v1_trn_bninception_8f",
        data=SSV1,
        title="TRN-BN-Inception, 8 frames",
        model="trn_bninception",
        frames=8,
        weights="imagenet",
        views="1x1",
        paper=Printed(
            top1=34.4,
            where="Table 1",
            cost="16 GMACs x 1 by our count (the paper prints 8), 10.5 M parameters in the paper",
        ),
        settings=_trn,
        notes=_NOTES,
    ),
)
