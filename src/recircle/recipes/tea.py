"""TEA (Li et al., CVPR 2020): motion excitation and temporal aggregation in Res2Net-50."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        Learning rate 0.02, x 0.1 after 30, 40 and 45 of 50 epochs; weight decay 5e-4; batch 64; dropout 0.5; all batch
        norms are trained; gradient norm at most 20. The training on Kinetics-400 is taken to be the same. Three crops
        are squares of 256 px, which cost more than the 224 px that the paper's GMACs are of.
    {PEER_NOTES}"""


def _tea(run: str, data: Path, frames: int) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        "tea_res2net50",
        sampling=Sampling(frames=frames),
        optimiser=Optimiser(lr=0.02, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(30, 40, 45)),
        evaluation=Protocol(),
        epochs=50,
        batch_size=64,
        clip_norm=20.0,
    )


@recipe(notes=_NOTES, weights="res2net50_26w_4s-06e79181.pth", dataset="something_v1")
def something_v1_tea_res2net50_16f(data: Path) -> "TrainConfig":
    """Something-Something V1, TEA-Res2Net-50, 16 frames: 52.3 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_tea_res2net50_16f --data SSV1 --model.pretrained res2net50_26w_4s-06e79181.pth
        recircle eval runs/something_v1_tea_res2net50_16f --views 10x3

    Expected: 52.3 % top-1, 81.9 % top-5 on the validation clips; 70 GMACs x 30. Not reproduced here.
    """
    return _tea("something_v1_tea_res2net50_16f", data, 16)


@recipe(notes=_NOTES, weights="res2net50_26w_4s-06e79181.pth")
def kinetics400_tea_res2net50_8f(data: Path) -> "TrainConfig":
    """Kinetics-400, TEA-Res2Net-50, 8 frames: 75.0 % top-1 in the paper (Table 5).

    Commands:
        recircle index K400 --layout kinetics400
        recircle train kinetics400_tea_res2net50_8f --data K400 --model.pretrained res2net50_26w_4s-06e79181.pth
        recircle eval runs/kinetics400_tea_res2net50_8f --views 10x1

    Expected: 75.0 % top-1 on the validation clips; 35 GMACs x 10. Not reproduced here.
    """
    return _tea("kinetics400_tea_res2net50_8f", data, 8)
