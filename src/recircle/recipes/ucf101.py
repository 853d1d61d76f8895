"""UCF101 (Soomro et al., 2012): 101 actions in web videos, from weights of Kinetics-400."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import fine_tuned
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = """
    Settings of TSM's script for UCF101:
        8 frames; learning rate 0.001, x 0.1 after 10 and 20 of 25 epochs; weight decay 5e-4; batch 64; gradient norm at
        most 20; dropout 0.8; all batch norms but the first keep their statistics; biases learn at twice the rate. No
        class names a side, so clips are flipped at random.

    Weights:
        A network trained on Kinetics-400: for the plain host TSM's published file, for ARC your own run. Few clips a
        class are too few for a start from ImageNet, let alone from scratch.

    Splits:
        The commands take split 1. For the mean of the three, which papers report: recircle index UCF101 --layout
        ucf101_split2 --output UCF101/split2.csv, then train with --data UCF101/split2.csv --output runs/NAME_split2;
        likewise split 3.

    Hardware and time:
        One CUDA GPU with --precision bf16; not measured by this project.
"""


@recipe(notes=_NOTES, weights="TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50.pth")
def ucf101_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    r"""UCF101, TSM-ResNet-50, 8 frames: the plain host of ARC.

    Commands:
        recircle index UCF101 --layout ucf101_split1
        recircle train ucf101_tsm_resnet50_8f --data UCF101 \
            --model.pretrained TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50.pth
        recircle eval runs/ucf101_tsm_resnet50_8f --views 2x3

    Expected: 95.9 % top-1 on the test clips in TSM's own paper, with two clips of three crops; the paper of ARC does
    not report on it. Not reproduced here.
    """
    return fine_tuned("ucf101_tsm_resnet50_8f", data, "tsm_resnet50")


@recipe(notes=_NOTES, weights="runs/kinetics400_arc_tsm_resnet50_8f/model.safetensors")
def ucf101_arc_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    r"""UCF101, ARC-TSM-ResNet-50, 8 frames.

    Commands:
        recircle index UCF101 --layout ucf101_split1
        recircle train ucf101_arc_tsm_resnet50_8f --data UCF101 \
            --model.pretrained runs/kinetics400_arc_tsm_resnet50_8f/model.safetensors
        recircle eval runs/ucf101_arc_tsm_resnet50_8f --views 2x3

    Expected: the paper does not report on it, and no figure is known.
    """
    return fine_tuned("ucf101_arc_tsm_resnet50_8f", data, "arc_tsm_resnet50")
