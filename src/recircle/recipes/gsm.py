"""GSM (Sudhakaran et al., CVPR 2020): gated shifts in Inception networks."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        Learning rate 0.01, rising over 10 epochs, then a cosine to zero at 60; weight decay 5e-4; batch 32 as two
        passes of 16; gradient norm at most 20; dropout 0.5; all batch norms are trained; biases learn at twice the
        rate. Nothing is published on the training of Diving48, for which the same is taken.
    {PEER_NOTES}"""


def _gsm(run: str, data: Path, model: str, frames: int) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        model,
        sampling=Sampling(frames=frames),
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="cosine", warmup=10),
        evaluation=Protocol(),
        epochs=60,
        batch_size=16,
        accumulate=2,
        clip_norm=20.0,
    )


@recipe(notes=_NOTES, weights="inceptionv3-cuhk-0e09b300b493bc74c.pth", dataset="something_v1")
def something_v1_gsm_inceptionv3_16f(data: Path) -> "TrainConfig":
    r"""Something-Something V1, GSM-InceptionV3, 16 frames: 51.7 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_gsm_inceptionv3_16f --data SSV1 \
            --model.pretrained inceptionv3-cuhk-0e09b300b493bc74c.pth
        recircle eval runs/something_v1_gsm_inceptionv3_16f --views 2x1

    Expected: 51.7 % top-1 on the validation clips; 54 GMACs x 2, 22.2 M parameters. Not reproduced here. GSM's own
    page gives 50.63 % for one clip of 16 frames.
    """
    return _gsm("something_v1_gsm_inceptionv3_16f", data, "gsm_inceptionv3", 16)


@recipe(notes=_NOTES, weights="inceptionv3-cuhk-0e09b300b493bc74c.pth", dataset="diving48_v1")
def diving48_v1_gsm_inceptionv3_16f(data: Path) -> "TrainConfig":
    r"""Diving48 V1, GSM-InceptionV3, 16 frames: 40.3 % top-1 in the paper (Table 3).

    Commands:
        recircle index DIVING48 --layout diving48_v1
        recircle train diving48_v1_gsm_inceptionv3_16f --data DIVING48 \
            --model.pretrained inceptionv3-cuhk-0e09b300b493bc74c.pth
        recircle eval runs/diving48_v1_gsm_inceptionv3_16f --views 2x1

    Expected: 40.3 % top-1 on the test clips; 54 GMACs x 2. Not reproduced here.
    """
    return _gsm("diving48_v1_gsm_inceptionv3_16f", data, "gsm_inceptionv3", 16)
