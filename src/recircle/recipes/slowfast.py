"""SlowOnly and SlowFast (Feichtenhofer et al., ICCV 2019)."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        SlowOnly on Kinetics-400, from scratch: 8 frames, 8 apart; learning rate 0.1, rising over 34 epochs, then a
        cosine to zero at 196; weight decay 1e-4; batch 64; dropout 0.5. The Diving48 figure of SlowFast is from
        TimeSformer's paper, which gives no settings: 64 frames, 2 apart, and TimeSformer's schedule stand in for it.
    {PEER_NOTES}"""


@recipe(notes=_NOTES)
def kinetics400_slowonly_resnet50_8f(data: Path) -> "TrainConfig":
    """Kinetics-400, SlowOnly-ResNet-50, 8 frames: 74.8 % top-1 in the paper (Table 5).

    Commands:
        recircle index K400 --layout kinetics400
        recircle train kinetics400_slowonly_resnet50_8f --data K400
        recircle eval runs/kinetics400_slowonly_resnet50_8f --views 10x3

    Expected: 74.8 % top-1 on the validation clips; 41.9 GMACs x 10 in the paper, whose original tests 10 clips of 3
    crops. Not reproduced here.
    """
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        "kinetics400_slowonly_resnet50_8f",
        data,
        "slowonly_resnet50",
        sampling=Sampling(frames=8, mode="dense", stride=8),
        optimiser=Optimiser(lr=0.1, nesterov=True, weight_decay=1e-4),
        schedule=Schedule(kind="cosine", warmup=34),
        evaluation=Protocol(),
        epochs=196,
        batch_size=64,
        clip_norm=None,
    )


@recipe(notes=_NOTES, weights="SLOWFAST_16x8_R101_50_50.pyth", dataset="diving48_v2")
def diving48_v2_slowfast_resnet101_64f(data: Path) -> "TrainConfig":
    r"""Diving48 V2, SlowFast-ResNet-101, 16x8: 77.6 % top-1 in the paper (Table 3).

    Commands:
        recircle index DIVING48 --layout diving48_v2
        recircle train diving48_v2_slowfast_resnet101_64f --data DIVING48 \
            --model.pretrained SLOWFAST_16x8_R101_50_50.pyth
        recircle eval runs/diving48_v2_slowfast_resnet101_64f --views 10x3

    Expected: 77.6 % top-1 on the test clips; 213 GMACs x 30. Not reproduced here. The weights are pytorchvideo's, of
    Kinetics-400; the paper's table says ImageNet.
    """
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        "diving48_v2_slowfast_resnet101_64f",
        data,
        "slowfast_resnet101",
        sampling=Sampling(frames=64, mode="dense", stride=2),
        optimiser=Optimiser(lr=0.005, nesterov=True, weight_decay=1e-4),
        schedule=Schedule(kind="step", milestones=(11, 14)),
        evaluation=Protocol(),
        epochs=15,
        batch_size=64,
        clip_norm=None,
    )
