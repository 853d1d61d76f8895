"""SlowOnly and SlowFast (Feichtenhofer et al., ICCV 2019)."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import DIVING48_V2, KINETICS400
from recircle.recipes.published import PEER_NOTES, start
from recircle.recipes.recipe import Printed, Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        SlowOnly on Kinetics-400, from scratch: 8 frames, 8 apart; learning rate 0.1, rising over 34 epochs, then a
        cosine to zero at 196; weight decay 1e-4; batch 64; dropout 0.5. The Diving48 figure of SlowFast is from
        TimeSformer's paper, which gives no settings: 64 frames, 2 apart, and TimeSformer's schedule stand in for it.
    {PEER_NOTES}"""


def _slowonly(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.1, nesterov=True, weight_decay=1e-4),
        schedule=Schedule(kind="cosine", warmup=34),
        epochs=196,
        batch_size=64,
    )


def _slowfast(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.005, nesterov=True, weight_decay=1e-4),
        schedule=Schedule(kind="step", milestones=(11, 14)),
        epochs=15,
        batch_size=64,
    )


RECIPES = (
    Recipe(
        name="kinetics400_slowonly_resnet50_8f",
        data=KINETICS400,
        title="SlowOnly-ResNet-50, 8 frames",
        model="slowonly_resnet50",
        frames=8,
        stride=8,
        views="10x3",
        paper=Printed(
            top1=74.8, where="Table 5", cost="41.9 GMACs x 10 in the paper, whose original tests 10 clips of 3 crops"
        ),
        settings=_slowonly,
        notes=_NOTES,
    ),
    Recipe(
        name="diving48_v2_slowfast_resnet101_64f",
        data=DIVING48_V2,
        title="SlowFast-ResNet-101, 16x8",
        model="slowfast_resnet101",
        frames=64,
        stride=2,
        weights="kinetics400",
        views="10x3",
        paper=Printed(top1=77.6, where="Table 3", cost="213 GMACs x 30"),
        remark="The weights are pytorchvideo's, of Kinetics-400; the paper's table says ImageNet.",
        settings=_slowfast,
        notes=_NOTES,
    ),
)
