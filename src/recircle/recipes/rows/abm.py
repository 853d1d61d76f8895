"""ABM (Zhu et al., ICCV 2019): approximated bilinear modules in ResNet, on snippets of three frames."""

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
        Positions in the whole clip, three consecutive frames at each; learning rate 0.001, x 0.1 after 25 and 40 of 50
        epochs; weight decay 5e-4; batch 24; gradient norm at most 20; dropout 0.5; multi-scale crops, no flip.
    {PEER_NOTES}"""


def _abm(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule
    from recircle.views.augmentation import Augmentation

    config = start(recipe, manifest)
    return replace(
        config,
        data=replace(config.data, augmentation=Augmentation(flip="off")),
        optimiser=Optimiser(lr=0.001, nesterov=False, weight_decay=5e-4),
        schedule=Schedule(kind="step", milestones=(25, 40)),
        epochs=50,
        batch_size=24,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="something_v1_abm_iabp_resnet18_8x3",
        data=SSV1,
        title="ABM-iabp-ResNet-18, 8x3 frames",
        model="abm_iabp_resnet18",
        frames=24,
        snippet=3,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=45.1, top5=74.0, where="Table 1", cost="30.4 GMACs x 1, 26.8 M parameters"),
        settings=_abm,
        notes=_NOTES,
    ),
    Recipe(
        name="something_v1_abm_iabp_resnet50_16x3",
        data=SSV1,
        title="ABM-C-in-ResNet-50, 16x3 frames",
        model="abm_iabp_resnet50",
        frames=48,
        snippet=3,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=49.8, where="Table 1", cost="162 GMACs x 1, 64.4 M parameters by our count"),
        remark='That the "C-in" of the paper is this network is inferred from the counts of the other row.',
        settings=_abm,
        notes=_NOTES,
    ),
)
