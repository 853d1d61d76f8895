"""Diving48 (Li et al., ECCV 2018): the rows of ARC and of its plain hosts in Tables 2 and 3.

48 kinds of dive, told apart by take-off, somersaults, twists and position. V1 is the first annotation (15,943 training
and 2,096 test clips), V2 the corrected one (15,027 and 1,970).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import NOTES, published
from recircle.recipes.registry import recipe

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


def _diving48(data: Path, version: str, model: str) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        f"diving48_{version}_{model}_16f",
        data,
        model,
        sampling=Sampling(frames=16),
        optimiser=Optimiser(lr=0.01, weight_decay=1e-4, bias_lr=2.0),
        schedule=Schedule(kind="cosine", warmup=10),
        evaluation=Protocol(clips=2),
        epochs=40,
        batch_size=8,
        clip_norm=20.0,
    )


@recipe(notes=_NOTES, weights="resnet18.pth", dataset="diving48_v1")
def diving48_v1_arc_tsm_resnet18_16f(data: Path) -> "TrainConfig":
    """Diving48 V1, ARC-TSM-ResNet-18, 16 frames: 39.6 % top-1 in the paper (Tables 2, 3).

    Commands:
        recircle index DIVING48 --layout diving48_v1
        recircle train diving48_v1_arc_tsm_resnet18_16f --data DIVING48 --model.pretrained resnet18.pth
        recircle eval runs/diving48_v1_arc_tsm_resnet18_16f --views 2x1

    Expected: 39.6 % top-1 on the test clips; 34.2 GMACs x 2, 14.2 M parameters. Not reproduced here.
    """
    return _diving48(data, "v1", "arc_tsm_resnet18")


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="diving48_v1")
def diving48_v1_arc_tsm_resnet50_16f(data: Path) -> "TrainConfig":
    """Diving48 V1, ARC-TSM-ResNet-50, 16 frames: 42.4 % top-1 in the paper (Tables 2, 3).

    Commands:
        recircle index DIVING48 --layout diving48_v1
        recircle train diving48_v1_arc_tsm_resnet50_16f --data DIVING48 --model.pretrained resnet50.pth
        recircle eval runs/diving48_v1_arc_tsm_resnet50_16f --views 2x1

    Expected: 42.4 % top-1 on the test clips; 74.2 GMACs x 2, 27.0 M parameters. Not reproduced here.
    """
    return _diving48(data, "v1", "arc_tsm_resnet50")


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="diving48_v2")
def diving48_v2_arc_tsm_resnet50_16f(data: Path) -> "TrainConfig":
    """Diving48 V2, ARC-TSM-ResNet-50, 16 frames: 89.8 % top-1 in the paper (Table 3).

    Commands:
        recircle index DIVING48 --layout diving48_v2
        recircle train diving48_v2_arc_tsm_resnet50_16f --data DIVING48 --model.pretrained resnet50.pth
        recircle eval runs/diving48_v2_arc_tsm_resnet50_16f --views 2x1

    Expected: 89.8 % top-1 on the test clips; 74.2 GMACs x 2, 27.0 M parameters. Not reproduced here.
    The paper has no figure for ResNet-18 on V2; --model.name arc_tsm_resnet18 trains it.
    """
    return _diving48(data, "v2", "arc_tsm_resnet50")


@recipe(notes=_NOTES, weights="resnet18.pth", dataset="diving48_v1")
def diving48_v1_tsm_resnet18_16f(data: Path) -> "TrainConfig":
    """Diving48 V1, TSM-ResNet-18, 16 frames: 36.0 % top-1 in the paper (baseline of Table 2).

    Commands:
        recircle index DIVING48 --layout diving48_v1
        recircle train diving48_v1_tsm_resnet18_16f --data DIVING48 --model.pretrained resnet18.pth
        recircle eval runs/diving48_v1_tsm_resnet18_16f --views 2x1

    Expected: 36.0 % top-1 on the test clips; 58 GMACs for both clips, 11 M parameters. Not reproduced here.
    """
    return _diving48(data, "v1", "tsm_resnet18")


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="diving48_v1")
def diving48_v1_tsm_resnet50_16f(data: Path) -> "TrainConfig":
    """Diving48 V1, TSM-ResNet-50, 16 frames: 38.8 % top-1 in the paper (baseline of Tables 2 and 3).

    Commands:
        recircle index DIVING48 --layout diving48_v1
        recircle train diving48_v1_tsm_resnet50_16f --data DIVING48 --model.pretrained resnet50.pth
        recircle eval runs/diving48_v1_tsm_resnet50_16f --views 2x1

    Expected: 38.8 % top-1 on the test clips; 65 GMACs x 2 (Table 3), 24 M parameters. Not reproduced here.
    """
    return _diving48(data, "v1", "tsm_resnet50")


@recipe(notes=_NOTES, weights="resnet101.pth", dataset="diving48_v1")
def diving48_v1_tsm_resnet101_16f(data: Path) -> "TrainConfig":
    """Diving48 V1, TSM-ResNet-101, 16 frames: 41.9 % top-1 in the paper (baseline of Table 2).

    Commands:
        recircle index DIVING48 --layout diving48_v1
        recircle train diving48_v1_tsm_resnet101_16f --data DIVING48 --model.pretrained resnet101.pth
        recircle eval runs/diving48_v1_tsm_resnet101_16f --views 2x1

    Expected: 41.9 % top-1 on the test clips; 264 GMACs for both clips, 44 M parameters. Not reproduced here.
    """
    return _diving48(data, "v1", "tsm_resnet101")
