"""HMDB51 (Kuehne et al., ICCV 2011): 51 actions in films and web videos, from weights of Kinetics-400."""

from recircle.recipes.data_sets import HMDB51
from recircle.recipes.published import fine_tuned
from recircle.recipes.recipe import Recipe

_NOTES = """
    Settings of TSM's script for UCF101, taken for HMDB51 as well:
        8 frames; learning rate 0.001, x 0.1 after 10 and 20 of 25 epochs; weight decay 5e-4; batch 64; gradient norm at
        most 20; dropout 0.8; all batch norms but the first keep their statistics; biases learn at twice the rate. No
        class names a side, so clips are flipped at random.

    Weights:
        A network trained on Kinetics-400: for the plain host TSM's published file, for ARC your own run. Few clips a
        class are too few for a start from ImageNet, let alone from scratch.

    Splits:
        The commands take split 1. For the mean of the three, which papers report: recircle index HMDB51 --layout
        hmdb51_split2 --output HMDB51/split2.csv, then train with --data HMDB51/split2.csv --output runs/NAME_split2;
        likewise split 3.

    Hardware and time:
        One CUDA GPU with --precision bf16; not measured by this project.
"""

RECIPES = (
    Recipe(
        name="hmdb51_tsm_resnet50_8f",
        data=HMDB51,
        title="TSM-ResNet-50, 8 frames",
        model="tsm_resnet50",
        frames=8,
        weights="tsm_resnet50-kinetics400-8f-authors",
        views="2x3",
        summary="the plain host of ARC",
        remark=(
            "73.5 % top-1 on the test clips in TSM's own paper, with two clips of three crops; the paper of ARC does "
            "not report on it. Not reproduced here."
        ),
        settings=fine_tuned,
        notes=_NOTES,
    ),
    Recipe(
        name="hmdb51_arc_tsm_resnet50_8f",
        data=HMDB51,
        title="ARC-TSM-ResNet-50, 8 frames",
        model="arc_tsm_resnet50",
        frames=8,
        weights="runs/kinetics400_arc_tsm_resnet50_8f/model.safetensors",
        views="2x3",
        remark="the paper does not report on it, and no figure is known.",
        settings=fine_tuned,
        notes=_NOTES,
    ),
)
