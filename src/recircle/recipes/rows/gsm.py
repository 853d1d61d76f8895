"""GSM (Sudhakaran et al., CVPR 2020): gated shifts in Inception networks."""

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
        Learning rate 0.01, rising over 10 epochs, then a cosine to zero at 60; weight decay 5e-4; batch 32 as two
        passes of 16; gradient norm at most 20; dropout 0.5; all batch norms are trained; biases learn at twice the
        rate. Nothing is published on the training of Diving48, for which the same is taken.
    {PEER_NOTES}"""


def _gsm(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="cosine", warmup=10),
        epochs=60,
        batch_size=16,
        accumulate=2,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="something_v1_gsm_inceptionv3_16f",
        data=SSV1,
        title="GSM-InceptionV3, 16 frames",
        model="gsm_inceptionv3",
        frames=16,
        weights="imagenet",
        views="2x1",
        paper=Printed(top1=51.7, where="Table 1", cost="54 GMACs x 2, 22.2 M parameters"),
        remark="GSM's own page gives 50.63 % for one clip of 16 frames.",
        settings=_gsm,
        notes=_NOTES,
    ),
    Recipe(
        name="diving48_v1_gsm_inceptionv3_16f",
        data=DIVING48_V1,
        title="GSM-InceptionV3, 16 frames",
        model="gsm_inceptionv3",
        frames=16,
        weights="imagenet",
        views="2x1",
        paper=Printed(top1=40.3, where="Table 3", cost="54 GMACs x 2"),
        settings=_gsm,
        notes=_NOTES,
    ),
)
