"""Something-Something (Goyal et al., ICCV 2017): the rows of ARC and of its plain hosts in Tables 1 and 2.

Version 1 is what the paper reports on: 86,017 training and 11,522 validation clips of 174 classes. Version 2 has the
same classes and the same settings here; the paper has no figure for it.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import SSV1, SSV2
from recircle.recipes.published import NOTES, start
from recircle.recipes.recipe import Printed, Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published script for 8 frames, taken for 16 as well:
        learning rate 0.01, x 0.1 after 30 and 40 of 50 epochs; weight decay 5e-4; batch 32; gradient norm at most 200.
        The horizontal flip swaps the labels that say left and right, which it finds by their names.
    {NOTES}"""


def _something(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.01, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(30, 40)),
        epochs=50,
        batch_size=32,
        clip_norm=200.0,
    )


RECIPES = (
    Recipe(
        name="something_v1_arc_tsm_resnet18_8f",
        data=SSV1,
        title="ARC-TSM-ResNet-18, 8 frames",
        model="arc_tsm_resnet18",
        frames=8,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=47.9, top5=76.4, where="Tables 1, 2, 4", cost="17 GMACs x 1, 14.2 M parameters"),
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="something_v1_arc_tsm_resnet50_8f",
        data=SSV1,
        title="ARC-TSM-ResNet-50, 8 frames",
        model="arc_tsm_resnet50",
        frames=8,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=51.2, top5=79.0, where="Tables 1, 2", cost="37 GMACs x 1, 27.0 M parameters"),
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="something_v1_arc_tsm_resnet50_16f",
        data=SSV1,
        title="ARC-TSM-ResNet-50, 16 frames",
        model="arc_tsm_resnet50",
        frames=16,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=53.4, top5=81.8, where="Table 1", cost="74 GMACs x 1, 27.0 M parameters"),
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="something_v1_tsm_resnet18_8f",
        data=SSV1,
        title="TSM-ResNet-18, 8 frames",
        model="tsm_resnet18",
        frames=8,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=41.8, where="baseline of Tables 2 and 4", cost="15 GMACs x 1, 11 M parameters"),
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="something_v1_tsm_resnet50_8f",
        data=SSV1,
        title="TSM-ResNet-50, 8 frames",
        model="tsm_resnet50",
        frames=8,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=47.8, where="baseline of Table 2", cost="33 GMACs x 1, 24 M parameters"),
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="something_v1_tsm_resnet101_8f",
        data=SSV1,
        title="TSM-ResNet-101, 8 frames",
        model="tsm_resnet101",
        frames=8,
        weights="imagenet",
        views="1x1",
        paper=Printed(top1=50.0, where="baseline of Table 2", cost="66 GMACs x 1, 44 M parameters"),
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="something_v2_arc_tsm_resnet18_8f",
        data=SSV2,
        title="ARC-TSM-ResNet-18, 8 frames",
        model="arc_tsm_resnet18",
        frames=8,
        weights="imagenet",
        views="1x1",
        summary="settings of V1; the paper does not report it",
        remark="no figure is known. The plain host is --model.name tsm_resnet18.",
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="something_v2_arc_tsm_resnet50_8f",
        data=SSV2,
        title="ARC-TSM-ResNet-50, 8 frames",
        model="arc_tsm_resnet50",
        frames=8,
        weights="imagenet",
        views="1x1",
        summary="settings of V1; the paper does not report it",
        remark="no figure is known. The plain host is --model.name tsm_resnet50.",
        settings=_something,
        notes=_NOTES,
    ),
    Recipe(
        name="something_v2_arc_tsm_resnet50_16f",
        data=SSV2,
        title="ARC-TSM-ResNet-50, 16 frames",
        model="arc_tsm_resnet50",
        frames=16,
        weights="imagenet",
        views="1x1",
        summary="settings of V1; the paper does not report it",
        remark="no figure is known. The plain host is --model.name tsm_resnet50.",
        settings=_something,
        notes=_NOTES,
    ),
)
