"""TSM (Lin et al., ICCV 2019): its rows that are not the plain hosts of ARC in Table 2."""

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
        Kinetics-400: learning rate 0.02, x 0.1 after 20 and 40 of 50 epochs; weight decay 1e-4; batch 128.
        Something-Something from those weights: learning rate 0.01, x 0.1 after 20 and 40 of 50 epochs; weight decay
        5e-4; batch 64. Both: gradient norm at most 20; dropout 0.5; all batch norms are trained; biases learn at twice
        the rate.
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
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.02, nesterov=False, weight_decay=1e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(20, 40)),
        epochs=50,
        batch_size=128,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="something_v1_tsm_resnet50_16f",
        data=SSV1,
        title="TSM-ResNet-50, 16 frames, from Kinetics-400",
        model="tsm_resnet50",
        frames=16,
        weights="runs/kinetics400_tsm_resnet50_8f/model.safetensors",
        views="1x1",
        paper=Printed(top1=47.3, top5=77.1, where="Table 1", cost="65 GMACs x 1, 24.3 M parameters"),
        remark=(
            "The published file of Kinetics-400, TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50.pth, "
            "serves as well."
        ),
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="kinetics400_tsm_resnet50_8f",
        data=KINETICS400,
        title="TSM-ResNet-50, 8 frames",
        model="tsm_resnet50",
        frames=8,
        stride=8,
        weights="imagenet",
        views="10x3",
        paper=Printed(top1=74.1, where="Table 5", cost="33 GMACs x 30"),
        settings=_kinetics400,
        notes=_NOTES,
    ),
)
