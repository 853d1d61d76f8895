"""MSNet (Kwon et al., ECCV 2020): motion features in TSM-ResNet."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        Something-Something: learning rate 0.01, x 0.1 after 20 and 30 of 40 epochs; weight decay 5e-4; batch 48;
        gradient norm at most 200; dropout 0.5; Nesterov's step; all batch norms are trained. Kinetics-400: weight decay
        1e-4 and frames of a window of 64; the length of that training is not known to us, and the schedule of
        Something-Something is taken.
    {PEER_NOTES}"""


def _msnet(run: str, data: Path, frames: int, *, dense: bool = False) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        "msnet_resnet50",
        sampling=Sampling(frames=frames, mode="dense", stride=8) if dense else Sampling(frames=frames),
        optimiser=Optimiser(lr=0.01, weight_decay=1e-4 if dense else 5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(20, 30)),
        evaluation=Protocol(),
        epochs=40,
        batch_size=48,
        clip_norm=200.0,
    )


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="something_v1")
def something_v1_msnet_resnet50_16f(data: Path) -> "TrainConfig":
    """Something-Something V1, MSNet-ResNet-50, 16 frames: 52.1 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_msnet_resnet50_16f --data SSV1 --model.pretrained resnet50.pth
        recircle eval runs/something_v1_msnet_resnet50_16f --views 1x1

    Expected: 52.1 % top-1, 82.3 % top-5 on the validation clips; 67 GMACs x 1, 24.6 M parameters. Not reproduced here.
    """
    return _msnet("something_v1_msnet_resnet50_16f", data, 16)


@recipe(notes=_NOTES, weights="resnet50.pth")
def kinetics400_msnet_resnet50_8f(data: Path) -> "TrainConfig":
    """Kinetics-400, MSNet-ResNet-50, 8 frames: 75.0 % top-1 in the paper (Table 5).

    Commands:
        recircle index K400 --layout kinetics400
        recircle train kinetics400_msnet_resnet50_8f --data K400 --model.pretrained resnet50.pth
        recircle eval runs/kinetics400_msnet_resnet50_8f --views 10x1

    Expected: 75.0 % top-1 on the validation clips; 34 GMACs x 10. Not reproduced here.
    """
    return _msnet("kinetics400_msnet_resnet50_8f", data, 8, dense=True)
