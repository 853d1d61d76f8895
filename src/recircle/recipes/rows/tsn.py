"""TSN (Wang et al., ECCV 2016): frames by themselves, their scores averaged."""

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
        Kinetics-400: learning rate 0.01, x 0.1 after 30 and 60 of 75 epochs, weight decay 1e-4 and batch 64 stand in
        for the Caffe original, which trains on 3 of the 25 frames; dropout 0.8. Something-Something: TSM's comparison,
        learning rate 0.01, x 0.1 after 20 and 40 of 50 epochs; weight decay 5e-4; batch 64; dropout 0.5; all batch
        norms are trained.
    {PEER_NOTES}"""


def _something(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(20, 40)),
        epochs=50,
        batch_size=64,
        clip_norm=20.0,
    )


def _kinetics400(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest, dropout=0.8),
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=1e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(30, 60)),
        epochs=75,
        batch_size=64,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="something_v1_tsn_resnet50_8f",
        data=SSV1,
        title="TSN-ResNet-50, 8 frames",
        model="tsn_resnet50",
        frames=8,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=19.7, where="Table 1", cost="33 GMACs x 1, 24.3 M parameters"),
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="kinetics400_tsn_inceptionv3_25f",
        data=KINETICS400,
        title="TSN-InceptionV3, 25 frames",
        model="tsn_inceptionv3",
        frames=25,
        weights="imagenet",
        views="1x10",
        paper=Printed(top1=72.5, where="Table 5", cost="3.2 GMACs x 250, frames times crops"),
        settings=_kinetics400,
        notes=_NOTES,
    ),
)
