"""I3D: inflated Inception (Carreira and Zisserman, CVPR 2017) and ResNet-50 (Wang and Gupta, ECCV 2018)."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.data.sampling import Sampling
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        None that runs today. Learning rate 0.01, x 0.1 after 30 and 40 of 50 epochs, weight decay 1e-4 and batch 64
        stand in for it. Inception takes 64 consecutive frames, ResNet-50 takes 32 of the whole clip.
    {PEER_NOTES}"""


def _i3d(run: str, data: Path, model: str, sampling: "Sampling") -> "TrainConfig":
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        model,
        sampling=sampling,
        optimiser=Optimiser(lr=0.01, nesterov=False, weight_decay=1e-4),
        schedule=Schedule(kind="step", milestones=(30, 40)),
        evaluation=Protocol(),
        epochs=50,
        batch_size=64,
        clip_norm=None,
    )


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="something_v1")
def something_v1_i3d_resnet50_res5_stride1_32f(data: Path) -> "TrainConfig":
    """Something-Something V1, I3D-ResNet-50, 32 frames: 41.6 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_i3d_resnet50_res5_stride1_32f --data SSV1 --model.pretrained resnet50.pth
        recircle eval runs/something_v1_i3d_resnet50_res5_stride1_32f --views 2x1

    Expected: 41.6 % top-1, 72.2 % top-5 on the validation clips; 153 GMACs x 2, 28.0 M parameters. Not reproduced
    here. The paper's network was trained on Kinetics-400 in between; train that first, or start from ImageNet alone as
    here.
    """
    from recircle.data.sampling import Sampling

    run, model = "something_v1_i3d_resnet50_res5_stride1_32f", "i3d_resnet50_res5_stride1"
    return _i3d(run, data, model, Sampling(frames=32))


@recipe(notes=_NOTES, weights="rgb_imagenet.pt")
def kinetics400_i3d_inception_64f(data: Path) -> "TrainConfig":
    """Kinetics-400, I3D-Inception, 64 frames: 72.1 % top-1 in the paper (Table 5).

    Commands:
        recircle index K400 --layout kinetics400
        recircle train kinetics400_i3d_inception_64f --data K400 --model.pretrained rgb_imagenet.pt
        recircle eval runs/kinetics400_i3d_inception_64f --views 10x1

    Expected: 72.1 % top-1 on the validation clips; 108 GMACs a view, their number is not printed. Not reproduced here.
    rgb_imagenet.pt is the published network after its training on Kinetics-400: it evaluates, and trains on, rather
    than from ImageNet.
    """
    from recircle.data.sampling import Sampling

    sampling = Sampling(frames=64, mode="dense", stride=1)
    return _i3d("kinetics400_i3d_inception_64f", data, "i3d_inception", sampling)
