"""MSNet (Kwon et al., ECCV 2020): motion features in TSM-ResNet."""

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
        Something-Something: learning rate 0.01, x 0.1 after 20 and 30 of 40 epochs; weight decay 5e-4; batch 48;
        gradient norm at most 200; dropout 0.5; Nesterov's step; all batch norms are trained. Kinetics-400: weight decay
        1e-4 and frames of a window of 64; the length of that training is not known to us, and the schedule of
        Something-Something is taken.
    {PEER_NOTES}"""


def _msnet(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.01, weight_decay=1e-4 if recipe.data is KINETICS400 else 5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(20, 30)),
        epochs=40,
        batch_size=48,
        clip_norm=200.0,
    )


RECIPES = (
    Recipe(
        name="something_v1_msnet_resnet50_16f",
        data=SSV1,
        title="MSNet-ResNet-50, 16 frames",
        model="msnet_resnet50",
        frames=16,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=52.1, top5=82.3, where="Table 1", cost="67 GMACs x 1, 24.6 M parameters"),
        settings=_msnet,
        notes=_NOTES,
    ),
    Recipe(
        name="kinetics400_msnet_resnet50_8f",
        data=KINETICS400,
        title="MSNet-ResNet-50, 8 frames",
        model="msnet_resnet50",
        frames=8,
        stride=8,
        weights="imagenet",
        views="10x1",
        paper=Printed(top1=75.0, where="Table 5", cost="34 GMACs x 10"),
        settings=_msnet,
        notes=_NOTES,
    ),
)
