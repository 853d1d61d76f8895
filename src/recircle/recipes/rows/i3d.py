"""I3D: inflated Inception (Carreira and Zisserman, CVPR 2017) and ResNet-50 (Wang and Gupta, ECCV 2018)."""

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
        None that runs today. Learning rate 0.01, x 0.1 after 30 and 40 of 50 epochs, weight decay 1e-4 and batch 64
        stand in for it. Inception takes 64 consecutive frames, ResNet-50 takes 32 of the whole clip.
    {PEER_NOTES}"""


def _i3d(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest),
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=1e-4),
        schedule=Schedule(kind="step", milestones=(30, 40)),
        epochs=50,
        batch_size=64,
    )


RECIPES = (
    Recipe(
        name="something_v1_i3d_resnet50_res5_stride1_32f",
        data=SSV1,
        title="I3D-ResNet-50, 32 frames",
        model="i3d_resnet50_res5_stride1",
        frames=32,
        weights="imagenet",
        views="2x1",
        paper=Printed(top1=41.6, top5=72.2, where="Table 1", cost="153 GMACs x 2, 28.0 M parameters"),
        remark=(
            "The paper's network was trained on Kinetics-400 in between; train that first, or start from ImageNet "
            "alone as here."
        ),
        settings=_i3d,
        notes=_NOTES,
    ),
    Recipe(
        name="kinetics400_i3d_inception_64f",
        data=KINETICS400,
        title="I3D-Inception, 64 frames",
        model="i3d_inception",
        frames=64,
        stride=1,
        weights="kinetics400",
        views="10x1",
        paper=Printed(top1=72.1, where="Table 5", cost="108 GMACs a view, their number is not printed"),
        remark=(
            "rgb_imagenet.pt is the published network after its training on Kinetics-400: it evaluates, and trains on, "
            "rather than from ImageNet."
        ),
        settings=_i3d,
        notes=_NOTES,
    ),
)
