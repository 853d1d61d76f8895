"""FineGym (Shao et al., CVPR 2020): elements of gymnastics, 99 balanced classes or 288 with a long tail."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings:
        Those of ARC's script for Diving48, the nearest relative, with 8 frames: learning rate 0.01, rising over 10
        epochs, then a cosine to zero at 40; weight decay 1e-4; batch 8; gradient norm at most 20. No element names a
        side, so clips are flipped at random. FineGym's paper reports the mean of the classes beside top-1; `recircle
        eval` prints both.
    {NOTES}"""


def _finegym(run: str, data: Path, model: str) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        model,
        sampling=Sampling(frames=8),
        optimiser=Optimiser(lr=0.01, weight_decay=1e-4, bias_lr=2.0),
        schedule=Schedule(kind="cosine", warmup=10),
        evaluation=Protocol(),
        epochs=40,
        batch_size=8,
        clip_norm=20.0,
    )


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="finegym_gym99")
def finegym_gym99_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """FineGym, Gym99, TSM-ResNet-50, 8 frames: the plain host of ARC.

    Commands:
        recircle index FINEGYM --layout finegym_gym99
        recircle train finegym_gym99_tsm_resnet50_8f --data FINEGYM --model.pretrained resnet50.pth
        recircle eval runs/finegym_gym99_tsm_resnet50_8f --views 2x1

    Expected: the paper of ARC does not report on it, and FineGym's own figures are of other settings.
    """
    return _finegym("finegym_gym99_tsm_resnet50_8f", data, "tsm_resnet50")


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="finegym_gym99")
def finegym_gym99_arc_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """FineGym, Gym99, ARC-TSM-ResNet-50, 8 frames.

    Commands:
        recircle index FINEGYM --layout finegym_gym99
        recircle train finegym_gym99_arc_tsm_resnet50_8f --data FINEGYM --model.pretrained resnet50.pth
        recircle eval runs/finegym_gym99_arc_tsm_resnet50_8f --views 2x1

    Expected: the paper of ARC does not report on it, and FineGym's own figures are of other settings.
    """
    return _finegym("finegym_gym99_arc_tsm_resnet50_8f", data, "arc_tsm_resnet50")


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="finegym_gym288")
def finegym_gym288_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """FineGym, Gym288, TSM-ResNet-50, 8 frames: the plain host of ARC.

    Commands:
        recircle index FINEGYM --layout finegym_gym288
        recircle train finegym_gym288_tsm_resnet50_8f --data FINEGYM --model.pretrained resnet50.pth
        recircle eval runs/finegym_gym288_tsm_resnet50_8f --views 2x1

    Expected: the paper of ARC does not report on it, and FineGym's own figures are of other settings.
    """
    return _finegym("finegym_gym288_tsm_resnet50_8f", data, "tsm_resnet50")


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="finegym_gym288")
def finegym_gym288_arc_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """FineGym, Gym288, ARC-TSM-ResNet-50, 8 frames.

    Commands:
        recircle index FINEGYM --layout finegym_gym288
        recircle train finegym_gym288_arc_tsm_resnet50_8f --data FINEGYM --model.pretrained resnet50.pth
        recircle eval runs/finegym_gym288_arc_tsm_resnet50_8f --views 2x1

    Expected: the paper of ARC does not report on it, and FineGym's own figures are of other settings.
    """
    return _finegym("finegym_gym288_arc_tsm_resnet50_8f", data, "arc_tsm_resnet50")
