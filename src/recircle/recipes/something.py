"""Something-Something (Goyal et al., ICCV 2017): the rows of ARC and of its plain hosts in Tables 1 and 2.

Version 1 is what the paper reports on: 86,017 training and 11,522 validation clips of 174 classes. Version 2 has the
same classes and the same settings here; the paper has no figure for it.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.evaluation.predictions import Predictions
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published script for 8 frames, taken for 16 as well:
        learning rate 0.01, x 0.1 after 30 and 40 of 50 epochs; weight decay 5e-4; batch 32; gradient norm at most 200.
        The horizontal flip swaps the labels that say left and right, which it finds by their names.
    {NOTES}"""


def _something(data: Path, version: str, model: str, frames: int) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        f"something_{version}_{model}_{frames}f",
        data,
        model,
        sampling=Sampling(frames=frames),
        optimiser=Optimiser(lr=0.01, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(30, 40)),
        evaluation=Protocol(),
        epochs=50,
        batch_size=32,
        clip_norm=200.0,
    )


@recipe(notes=_NOTES, weights="resnet18.pth", dataset="something_v1")
def something_v1_arc_tsm_resnet18_8f(data: Path) -> "TrainConfig":
    """Something-Something V1, ARC-TSM-ResNet-18, 8 frames: 47.9 % top-1 in the paper (Tables 1, 2, 4).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_arc_tsm_resnet18_8f --data SSV1 --model.pretrained resnet18.pth
        recircle eval runs/something_v1_arc_tsm_resnet18_8f --views 1x1

    Expected: 47.9 % top-1, 76.4 % top-5 on the validation clips; 17 GMACs x 1, 14.2 M parameters. Not reproduced here.
    """
    return _something(data, "v1", "arc_tsm_resnet18", 8)


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="something_v1")
def something_v1_arc_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """Something-Something V1, ARC-TSM-ResNet-50, 8 frames: 51.2 % top-1 in the paper (Tables 1, 2).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_arc_tsm_resnet50_8f --data SSV1 --model.pretrained resnet50.pth
        recircle eval runs/something_v1_arc_tsm_resnet50_8f --views 1x1

    Expected: 51.2 % top-1, 79.0 % top-5 on the validation clips; 37 GMACs x 1, 27.0 M parameters. Not reproduced here.
    """
    return _something(data, "v1", "arc_tsm_resnet50", 8)


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="something_v1")
def something_v1_arc_tsm_resnet50_16f(data: Path) -> "TrainConfig":
    """Something-Something V1, ARC-TSM-ResNet-50, 16 frames: 53.4 % top-1 in the paper (Table 1).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_arc_tsm_resnet50_16f --data SSV1 --model.pretrained resnet50.pth
        recircle eval runs/something_v1_arc_tsm_resnet50_16f --views 1x1

    Expected: 53.4 % top-1, 81.8 % top-5 on the validation clips; 74 GMACs x 1, 27.0 M parameters. Not reproduced here.
    """
    return _something(data, "v1", "arc_tsm_resnet50", 16)


def something_v1_arc_tsm_resnet50_8f_16f(predictions: Sequence[Path]) -> "Predictions":
    """Something-Something V1, ARC-TSM-ResNet-50, "8+16": 55.0 % top-1 in the paper (Table 1).

    The row is no training of its own: the scores of the two runs above are averaged. This function joins what
    `recircle eval RUN --views 1x1 --name final` left in each::

        from pathlib import Path
        from recircle.recipes.something import something_v1_arc_tsm_resnet50_8f_16f as average

        runs = ("something_v1_arc_tsm_resnet50_8f", "something_v1_arc_tsm_resnet50_16f")
        both = average([Path("runs", run, "predictions", "final.npz") for run in runs])
        both.save(Path("runs/8f_16f.npz"))  # then: recircle eval --from runs/8f_16f.npz

    Expected: 55.0 % top-1, 82.6 % top-5; 111 GMACs x 1, 54.0 M parameters. Not reproduced here.

    Args:
        predictions: files of predictions of the same clips, of two runs or more.

    Returns:
        The predictions of all, as views of one clip: their fusion is the mean of the softmax of the runs.

    Raises:
        UserError: a file is missing, or the files are not of the same clips, classes and number of views.
    """
    import numpy as np

    from recircle.errors import UserError
    from recircle.evaluation.predictions import Predictions

    first, *others = parts = [Predictions.load(path) for path in predictions]
    for path, other in zip(predictions[1:], others):
        same = (first.paths, first.classes, first.logits.shape) == (other.paths, other.classes, other.logits.shape)
        if not same or not np.array_equal(first.labels, other.labels):
            raise UserError(
                f"{path} and {predictions[0]} are not of the same clips, classes and number of views; "
                "write both with the same options of `recircle eval`"
            )
    return replace(
        first,
        logits=np.concatenate([part.logits for part in parts], axis=1),
        protocol=" + ".join(part.protocol for part in parts),
        fusion="softmax",
    )


@recipe(notes=_NOTES, weights="resnet18.pth", dataset="something_v1")
def something_v1_tsm_resnet18_8f(data: Path) -> "TrainConfig":
    """Something-Something V1, TSM-ResNet-18, 8 frames: 41.8 % top-1 in the paper (baseline of Tables 2 and 4).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_tsm_resnet18_8f --data SSV1 --model.pretrained resnet18.pth
        recircle eval runs/something_v1_tsm_resnet18_8f --views 1x1

    Expected: 41.8 % top-1 on the validation clips; 15 GMACs x 1, 11 M parameters. Not reproduced here.
    """
    return _something(data, "v1", "tsm_resnet18", 8)


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="something_v1")
def something_v1_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """Something-Something V1, TSM-ResNet-50, 8 frames: 47.8 % top-1 in the paper (baseline of Table 2).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_tsm_resnet50_8f --data SSV1 --model.pretrained resnet50.pth
        recircle eval runs/something_v1_tsm_resnet50_8f --views 1x1

    Expected: 47.8 % top-1 on the validation clips; 33 GMACs x 1, 24 M parameters. Not reproduced here.
    """
    return _something(data, "v1", "tsm_resnet50", 8)


@recipe(notes=_NOTES, weights="resnet101.pth", dataset="something_v1")
def something_v1_tsm_resnet101_8f(data: Path) -> "TrainConfig":
    """Something-Something V1, TSM-ResNet-101, 8 frames: 50.0 % top-1 in the paper (baseline of Table 2).

    Commands:
        recircle index SSV1 --layout something_v1
        recircle train something_v1_tsm_resnet101_8f --data SSV1 --model.pretrained resnet101.pth
        recircle eval runs/something_v1_tsm_resnet101_8f --views 1x1

    Expected: 50.0 % top-1 on the validation clips; 66 GMACs x 1, 44 M parameters. Not reproduced here.
    """
    return _something(data, "v1", "tsm_resnet101", 8)


@recipe(notes=_NOTES, weights="resnet18.pth", dataset="something_v2")
def something_v2_arc_tsm_resnet18_8f(data: Path) -> "TrainConfig":
    """Something-Something V2, ARC-TSM-ResNet-18, 8 frames: settings of V1; the paper does not report it.

    Commands:
        recircle index SSV2 --layout something_v2
        recircle train something_v2_arc_tsm_resnet18_8f --data SSV2 --model.pretrained resnet18.pth
        recircle eval runs/something_v2_arc_tsm_resnet18_8f --views 1x1

    Expected: no figure is known. The plain host is --model.name tsm_resnet18.
    """
    return _something(data, "v2", "arc_tsm_resnet18", 8)


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="something_v2")
def something_v2_arc_tsm_resnet50_8f(data: Path) -> "TrainConfig":
    """Something-Something V2, ARC-TSM-ResNet-50, 8 frames: settings of V1; the paper does not report it.

    Commands:
        recircle index SSV2 --layout something_v2
        recircle train something_v2_arc_tsm_resnet50_8f --data SSV2 --model.pretrained resnet50.pth
        recircle eval runs/something_v2_arc_tsm_resnet50_8f --views 1x1

    Expected: no figure is known. The plain host is --model.name tsm_resnet50.
    """
    return _something(data, "v2", "arc_tsm_resnet50", 8)


@recipe(notes=_NOTES, weights="resnet50.pth", dataset="something_v2")
def something_v2_arc_tsm_resnet50_16f(data: Path) -> "TrainConfig":
    """Something-Something V2, ARC-TSM-ResNet-50, 16 frames: settings of V1; the paper does not report it.

    Commands:
        recircle index SSV2 --layout something_v2
        recircle train something_v2_arc_tsm_resnet50_16f --data SSV2 --model.pretrained resnet50.pth
        recircle eval runs/something_v2_arc_tsm_resnet50_16f --views 1x1

    Expected: no figure is known. The plain host is --model.name tsm_resnet50.
    """
    return _something(data, "v2", "arc_tsm_resnet50", 16)
