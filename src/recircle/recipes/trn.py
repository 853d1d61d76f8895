"""TRN (Zhou et al., ECCV 2018): relations of frames on BN-Inception."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        8 frames; learning rate 0.001, x 0.1 after 50 and 100 of 120 epochs; weight decay 5e-4; batch 64; gradient norm
        at most 20; dropout 0.8; all batch norms but the first keep their statistics; biases learn at twice the rate.
        The relations of each clip are drawn at random in training; in evaluation they are the same each time.
    {PEER_NOTES}"""


def _trn(run: str, data: Path) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        "trn_bninception",
        sampling=Sampling(frames=8),
        optimiser=Optimiser(lr=0.001, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(50, 100)),
        evaluation=Protocol(),
        epochs=120,
        batch_size=64,
        clip_norm=20.0,
        dropout=0.8,
        freeze_norms="all_but_first",
    )


@recipe(notes=_NOTES, weights="bn_inception-9f5701afb96c8044.pth", dataset="something_v1")
def something_v1_trn_bninception_8f(data: Path) -> "TrainConfig":
    r"""Something-Something V1, TRN-BN-Inception, 8 frames: 34.4 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_trn_bninception_8f --data SSV1 \
            --model.pretrained bn_inception-9f5701afb96c8044.pth
        recircle eval runs/something_v1_trn_bninception_8f --views 1x1

    Expected: 34.4 % top-1 on the validation clips; 16 GMACs x 1 by our count (the paper prints 8), 10.5 M parameters
    in the paper. Not reproduced here.
    """
    return _trn("something_v1_trn_bninception_8f", data)
