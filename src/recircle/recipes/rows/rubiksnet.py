"""RubiksNet (Fan et al., ECCV 2020): learnt shifts in space and time."""

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
        None for Something-Something V1. The settings of TSM's scripts are taken, which its authors say they follow:
        learning rate 0.01, x 0.1 after 20 and 40 of 50 epochs; weight decay 5e-4; batch 64; gradient norm at most 20.
        The shifts have a hundredth of the rate and no decay, as in the published code.
    {PEER_NOTES}"""


def _rubiksnet(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest, dropout=None),
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(20, 40)),
        epochs=50,
        batch_size=64,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="something_v1_rubiksnet_large_8f",
        data=SSV1,
        title="RubiksNet-Large, 8 frames",
        model="rubiksnet_large",
        frames=8,
        weights="kinetics400",
        views="1x1",
        paper=Printed(top1=46.4, top5=74.5, where="Table 1", cost="16 GMACs x 1, 8.5 M parameters"),
        remark=(
            "The paper says ImageNet; the only published weights are those of Kinetics-400, from the project's "
            "repository. The smaller ones are --model.name rubiksnet_tiny, rubiksnet_small, rubiksnet_medium."
        ),
        settings=_rubiksnet,
        notes=_NOTES,
    ),
)
