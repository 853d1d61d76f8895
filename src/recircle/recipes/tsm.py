"""TSM (Lin et al., ICCV 2019): its rows that are not the plain hosts of ARC in Table 2."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.data.sampling import Sampling
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        Kinetics-400: learning rate 0.02, x 0.1 after 20 and 40 of 50 epochs; weight decay 1e-4; batch 128.
        Something-Something from those weights: learning rate 0.01, x 0.1 after 20 and 40 of 50 epochs; weight decay
        5e-4; batch 64. Both: gradient norm at most 20; dropout 0.5; all batch norms are trained; biases learn at twice
        the rate.
    {PEER_NOTES}"""


def _tsm(run: str, data: Path, sampling: "Sampling", lr: float, weight_decay: float, batch_size: int) -> "TrainConfig":
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        "tsm_resnet50",
        sampling=sampling,
        optimiser=Optimiser(lr=lr, nesterov=False, weight_decay=weight_decay, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(20, 40)),
        evaluation=Protocol(),
        epochs=50,
        batch_size=batch_size,
        clip_norm=20.0,
    )


@recipe(notes=_NOTES, weights="runs/kinetics400_tsm_resnet50_8f/model.safetensors", dataset="something_v1")
def something_v1_tsm_resnet50_16f(data: Path) -> "TrainConfig":
    r"""Something-Something V1, TSM-ResNet-50, 16 frames, from Kinetics-400: 47.3 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_tsm_resnet50_16f --data SSV1 \
            --model.pretrained runs/kinetics400_tsm_resnet50_8f/model.safetensors
        recircle eval runs/something_v1_tsm_resnet50_16f --views 1x1

    Expected: 47.3 % top-1, 77.1 % top-5 on the validation clips; 65 GMACs x 1, 24.3 M parameters. Not reproduced here.
    The published file of Kinetics-400, TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50.pth, serves as well.
    """
    from recircle.data.sampling import Sampling

    return _tsm("something_v1_tsm_resnet50_16f", data, Sampling(frames=16), 0.01, 5e-4, 64)


@recipe(notes=_NOTES, weights="resnet50.pth")
def kinetics400_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """Kinetics-400, TSM-ResNet-50, 8 frames: 74.1 % top-1 in the paper (Table 5).

    Commands:
        recircle index K400 --layout kinetics400
        recircle train kinetics400_tsm_resnet50_8f --data K400 --model.pretrained resnet50.pth
        recircle eval runs/kinetics400_tsm_resnet50_8f --views 10x3

    Expected: 74.1 % top-1 on the validation clips; 33 GMACs x 30. Not reproduced here.
    """
    from recircle.data.sampling import Sampling

    sampling = Sampling(frames=8, mode="dense", stride=8)
    return _tsm("kinetics400_tsm_resnet50_8f", data, sampling, 0.02, 1e-4, 128)
