"""ABM (Zhu et al., ICCV 2019): approximated bilinear modules in ResNet, on snippets of three frames."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        Positions in the whole clip, three consecutive frames at each; learning rate 0.001, x 0.1 after 25 and 40 of 50
        epochs; weight decay 5e-4; batch 24; gradient norm at most 20; dropout 0.5; multi-scale crops, no flip.
    {PEER_NOTES}"""


def _abm(run: str, data: Path, model: str, positions: int) -> "TrainConfig":
    from recircle.data.augmentation import Augmentation
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        model,
        sampling=Sampling(frames=3 * positions, snippet=3),
        optimiser=Optimiser(lr=0.001, nesterov=False, weight_decay=5e-4),
        schedule=Schedule(kind="step", milestones=(25, 40)),
        evaluation=Protocol(),
        epochs=50,
        batch_size=24,
        clip_norm=20.0,
        augmentation=Augmentation(flip="off"),
    )


@recipe(notes=_NOTES, weights="resnet18.pth", dataset="something_v1")
def something_v1_abm_iabp_resnet18_8x3(data: Path) -> "TrainConfig":
    """Something-Something V1, ABM-iabp-ResNet-18, 8x3 frames: 45.1 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_abm_iabp_resnet18_8x3 --data SSV1 --model.pretrained resnet18.pth
        recircle eval runs/something_v1_abm_iabp_resnet18_8x3 --views 1x1

    Expected: 45.1 % top-1, 74.0 % top-5 on the validation clips; 30.4 GMACs x 1, 26.8 M parameters. Not reproduced
    here.
    """
    return _abm("something_v1_abm_iabp_resnet18_8x3", data, "abm_iabp_resnet18", 8)


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="something_v1")
def something_v1_abm_iabp_resnet50_16x3(data: Path) -> "TrainConfig":
    """Something-Something V1, ABM-C-in-ResNet-50, 16x3 frames: 49.8 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_abm_iabp_resnet50_16x3 --data SSV1 --model.pretrained resnet50.pth
        recircle eval runs/something_v1_abm_iabp_resnet50_16x3 --views 1x1

    Expected: 49.8 % top-1 on the validation clips; 162 GMACs x 1, 64.4 M parameters by our count. Not reproduced here.
    That the "C-in" of the paper is this network is inferred from the counts of the other row.
    """
    return _abm("something_v1_abm_iabp_resnet50_16x3", data, "abm_iabp_resnet50", 16)
