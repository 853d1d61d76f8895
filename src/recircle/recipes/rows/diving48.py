"""Diving48 (Li et al., ECCV 2018): the rows of ARC and of its plain hosts in Tables 2 and 3.

48 kinds of dive, told apart by take-off, somersaults, twists and position. V1 is the first annotation (15,943 training
and 2,096 test clips), V2 the corrected one (15,027 and 1,970).
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import DIVING48_V1, DIVING48_V2
from recircle.recipes.published import NOTES, start
from recircle.recipes.recipe import Printed, Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published scripts:
        16 frames; learning rate 0.01, rising over 10 epochs, then a cosine to zero at 40; weight decay 1e-4; batch 8;
        gradient norm at most 20. Tested with two clips, whose scores are averaged. No class names a side, so clips are
        flipped at random.

    Data:
        DIVING48 holds the videos in rgb/, the vocabulary, and the two lists of the version. The versions label the same
        videos differently, so a V1 recipe refuses a manifest of V2, and the other way round. Where both are used, give
        each manifest a name: recircle index DIVING48 --layout diving48_v2 --output DIVING48/v2.csv.
    {NOTES}"""


def _diving48(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.01, weight_decay=1e-4, bias_lr=2.0),
        schedule=Schedule(kind="cosine", warmup=10),
        epochs=40,
        batch_size=8,
        evaluation=Protocol(clips=2),
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="diving48_v1_arc_tsm_resnet18_16f",
        data=DIVING48_V1,
        title="ARC-TSM-ResNet-18, 16 frames",
        model="arc_tsm_resnet18",
        frames=16,
        weights="imagenet",
        views="2x1",
        paper=Printed(top1=39.6, where="Tables 2, 3", cost="34.2 GMACs x 2, 14.2 M parameters"),
        settings=_diving48,
        notes=_NOTES,
    ),
    Recipe(
        name="diving48_v1_arc_tsm_resnet50_16f",
        data=DIVING48_V1,
        title="ARC-TSM-ResNet-50, 16 frames",
        model="arc_tsm_resnet50",
        frames=16,
        weights="imagenet",
        views="2x1",
        paper=Printed(top1=42.4, where="Tables 2, 3", cost="74.2 GMACs x 2, 27.0 M parameters"),
        settings=_diving48,
        notes=_NOTES,
    ),
    Recipe(
        name="diving48_v2_arc_tsm_resnet50_16f",
        data=DIVING48_V2,
        title="ARC-TSM-ResNet-50, 16 frames",
        model="arc_tsm_resnet50",
        frames=16,
        weights="imagenet",
        views="2x1",
        paper=Printed(top1=89.8, where="Table 3", cost="74.2 GMACs x 2, 27.0 M parameters"),
        remark="The paper has no figure for ResNet-18 on V2; --model.name arc_tsm_resnet18 trains it.",
        settings=_diving48,
        notes=_NOTES,
    ),
    Recipe(
        name="diving48_v1_tsm_resnet18_16f",
        data=DIVING48_V1,
        title="TSM-ResNet-18, 16 frames",
        model="tsm_resnet18",
        frames=16,
        weights="imagenet",
        views="2x1",
        paper=Printed(top1=36.0, where="baseline of Table 2", cost="58 GMACs for both clips, 11 M parameters"),
        settings=_diving48,
        notes=_NOTES,
    ),
    Recipe(
        name="diving48_v1_tsm_resnet50_16f",
        data=DIVING48_V1,
        title="TSM-ResNet-50, 16 frames",
        model="tsm_resnet50",
        frames=16,
        weights="imagenet",
        views="2x1",
        paper=Printed(top1=38.8, where="baseline of Tables 2 and 3", cost="65 GMACs x 2 (Table 3), 24 M parameters"),
        settings=_diving48,
        notes=_NOTES,
    ),
    Recipe(
        name="diving48_v1_tsm_resnet101_16f",
        data=DIVING48_V1,
        title="TSM-ResNet-101, 16 frames",
        model="tsm_resnet101",
        frames=16,
        weights="imagenet",
        views="2x1",
        paper=Printed(top1=41.9, where="baseline of Table 2", cost="264 GMACs for both clips, 44 M parameters"),
        settings=_diving48,
        notes=_NOTES,
    ),
)
