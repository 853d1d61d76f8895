"""CorrNet (Wang et al., CVPR 2020): correlation in R(2+1)D, from scratch."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        None: its code was never released. 32 frames; the schedule of ARC's Diving48 script (learning rate 0.01, rising
        over 10 epochs, then a cosine to zero at 40; weight decay 1e-4) stands in for it, with batch 16.
    {PEER_NOTES}"""


def _corrnet(run: str, data: Path) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        "corrnet101",
        sampling=Sampling(frames=32),
        optimiser=Optimiser(lr=0.01, weight_decay=1e-4),
        schedule=Schedule(kind="cosine", warmup=10),
        evaluation=Protocol(),
        epochs=40,
        batch_size=16,
        clip_norm=20.0,
        dropout=None,
    )


@recipe(notes=_NOTES, dataset="something_v1")
def something_v1_corrnet101_32f(data: Path) -> "TrainConfig":
    """Something-Something V1, CorrNet-101, 32 frames: 50.9 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_corrnet101_32f --data SSV1
        recircle eval runs/something_v1_corrnet101_32f --views 10x1

    Expected: 50.9 % top-1 on the validation clips; 187 GMACs x 10. Not reproduced here.
    """
    return _corrnet("something_v1_corrnet101_32f", data)


@recipe(notes=_NOTES, dataset="diving48_v1")
def diving48_v1_corrnet101_32f(data: Path) -> "TrainConfig":
    """Diving48 V1, CorrNet-101, 32 frames: 38.2 % top-1 in the paper (Table 3).

    Commands:
        recircle index DIVING48 --layout diving48_v1
        recircle train diving48_v1_corrnet101_32f --data DIVING48
        recircle eval runs/diving48_v1_corrnet101_32f --views 10x1

    Expected: 38.2 % top-1 on the test clips; 187 GMACs x 10. Not reproduced here.
    """
    return _corrnet("diving48_v1_corrnet101_32f", data)
