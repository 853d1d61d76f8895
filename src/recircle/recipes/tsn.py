"""TSN (Wang et al., ECCV 2016): frames by themselves, their scores averaged."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        Kinetics-400: learning rate 0.01, x 0.1 after 30 and 60 of 75 epochs, weight decay 1e-4 and batch 64 stand in
        for the Caffe original, which trains on 3 of the 25 frames; dropout 0.8. Something-Something: TSM's comparison,
        learning rate 0.01, x 0.1 after 20 and 40 of 50 epochs; weight decay 5e-4; batch 64; dropout 0.5; all batch
        norms are trained.
    {PEER_NOTES}"""


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="something_v1")
def something_v1_tsn_resnet50_8f(data: Path) -> "TrainConfig":
    """Something-Something V1, TSN-ResNet-50, 8 frames: 19.7 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_tsn_resnet50_8f --data SSV1 --model.pretrained resnet50.pth
        recircle eval runs/something_v1_tsn_resnet50_8f --views 1x1

    Expected: 19.7 % top-1 on the validation clips; 33 GMACs x 1, 24.3 M parameters. Not reproduced here.
    """
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        "something_v1_tsn_resnet50_8f",
        data,
        "tsn_resnet50",
        sampling=Sampling(frames=8),
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(20, 40)),
        evaluation=Protocol(),
        epochs=50,
        batch_size=64,
        clip_norm=20.0,
    )


@recipe(notes=_NOTES, weights="inceptionv3-cuhk-0e09b300b493bc74c.pth")
def kinetics400_tsn_inceptionv3_25f(data: Path) -> "TrainConfig":
    r"""Kinetics-400, TSN-InceptionV3, 25 frames: 72.5 % top-1 in the paper (Table 5).

    Commands:
        recircle index K400 --layout kinetics400
        recircle train kinetics400_tsn_inceptionv3_25f --data K400 \
            --model.pretrained inceptionv3-cuhk-0e09b300b493bc74c.pth
        recircle eval runs/kinetics400_tsn_inceptionv3_25f --views 1x10

    Expected: 72.5 % top-1 on the validation clips; 3.2 GMACs x 250, frames times crops. Not reproduced here.
    """
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        "kinetics400_tsn_inceptionv3_25f",
        data,
        "tsn_inceptionv3",
        sampling=Sampling(frames=25),
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=1e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(30, 60)),
        evaluation=Protocol(),
        epochs=75,
        batch_size=64,
        clip_norm=20.0,
        dropout=0.8,
    )
