"""RubiksNet (Fan et al., ECCV 2020): learnt shifts in space and time."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        None for Something-Something V1. The settings of TSM's scripts are taken, which its authors say they follow:
        learning rate 0.01, x 0.1 after 20 and 40 of 50 epochs; weight decay 5e-4; batch 64; gradient norm at most 20.
        The shifts have a hundredth of the rate and no decay, as in the published code.
    {PEER_NOTES}"""


def _rubiksnet(run: str, data: Path, model: str) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        model,
        sampling=Sampling(frames=8),
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(20, 40)),
        evaluation=Protocol(),
        epochs=50,
        batch_size=64,
        clip_norm=20.0,
        dropout=None,
    )


@recipe(notes=_NOTES, weights="kinetics_large.pth.tar", dataset="something_v1")
def something_v1_rubiksnet_large_8f(data: Path) -> "TrainConfig":
    """Something-Something V1, RubiksNet-Large, 8 frames: 46.4 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_rubiksnet_large_8f --data SSV1 --model.pretrained kinetics_large.pth.tar
        recircle eval runs/something_v1_rubiksnet_large_8f --views 1x1

    Expected: 46.4 % top-1, 74.5 % top-5 on the validation clips; 16 GMACs x 1, 8.5 M parameters. Not reproduced here.
    The paper says ImageNet; the only published weights are those of Kinetics-400, from the project's repository. The
    smaller ones are --model.name rubiksnet_tiny, rubiksnet_small, rubiksnet_medium.
    """
    return _rubiksnet("something_v1_rubiksnet_large_8f", data, "rubiksnet_large")
