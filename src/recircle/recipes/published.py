"""What the recipes of the paper's tables have in common, whatever the data set."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recircle.data.augmentation import Augmentation
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.config import FreezeNorms, TrainConfig
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

NOTES = """
    Weights:
        The .pth file above is torchvision's ImageNet file, which you download yourself. ARC matrices are in no such
        file and start at zero, so an ARC network computes at first what its plain host does. Without
        --model.pretrained the network starts from scratch, and the figures of the paper are out of reach.

    Hardware and time:
        One CUDA GPU; the published scripts use one or two, in mixed precision (--precision bf16; theirs is fp16).
        Time and memory are not measured by this project. Where memory is short, a smaller --batch-size with
        --accumulate 2, 4, ... takes that many passes to a step; `torchrun` uses several GPUs.

    Beside the settings above, as the published scripts have it:
        SGD with momentum 0.9 and Nesterov's step; no weight decay on biases and norms, and biases learn at twice the
        rate; dropout 0.5; all batch norms are trained; frames resized to 256 px, multi-scale crops of 224 px; ARC with
        4 steps in all 3x3 convolutions. The scripts also spare the ARC matrices from weight decay; here they decay.
"""
"""Added to the docstring of each recipe of ARC and of its plain hosts."""

PEER_NOTES = """
    Weights:
        Files behind --model.pretrained are published ones, which you download yourself; resnet*.pth is torchvision's.
        Without them the network starts from scratch, and the figures of the paper are out of reach.

    Hardware and time:
        CUDA GPUs, as many as the batch needs (`torchrun` uses several), with --precision bf16. Time and memory are not
        measured by this project. Where memory is short, a smaller --batch-size with --accumulate 2, 4, ... takes that
        many passes to a step.

    Where the settings differ from the original's:
        Norms and biases do not decay. Labels that say left and right are swapped by a flip, and where that cannot be,
        nothing is flipped; some originals flip regardless. Size, crop, channels and normalisation are the network's.
"""
"""Added to the docstring of each recipe of another system."""


def published(
    run: str,
    data: Path,
    model: str,
    *,
    sampling: "Sampling",
    optimiser: "Optimiser",
    schedule: "Schedule",
    evaluation: "Protocol",
    epochs: int,
    batch_size: int,
    clip_norm: float | None,
    dropout: float | None = 0.5,
    accumulate: int = 1,
    freeze_norms: "FreezeNorms" = "none",
    augmentation: "Augmentation | None" = None,
) -> "TrainConfig":
    """Return a config with what all published scripts share.

    Args:
        run: name of the run's folder in `runs`.
        data: the manifest.
        model: name of the network; its preprocessing, 256 px and crops of 224, is theirs.
        sampling: which frames make a view.
        optimiser: rates and decay.
        schedule: how the rate moves.
        evaluation: protocol of the evaluation after each epoch.
        epochs: passes over the training clips.
        batch_size: clips of a step.
        clip_norm: limit of the gradient's norm.
        dropout: before the classifier; None is the network's own.
        accumulate: forward passes of a step.
        freeze_norms: "all_but_first" is the partial batch norm of TSN.
        augmentation: None is TSN's multi-scale crops with the flip that reads class names.
    """
    # not at the top, so that listing the recipes does not load torch
    from recircle.data.augmentation import Augmentation
    from recircle.data.config import DataConfig
    from recircle.models.registry import ModelConfig
    from recircle.training.config import TrainConfig

    return TrainConfig(
        model=ModelConfig(name=model, dropout=dropout),
        data=DataConfig(manifest=data, sampling=sampling, augmentation=augmentation or Augmentation(), workers=8),
        output=Path("runs") / run,
        optimiser=optimiser,
        schedule=schedule,
        evaluation=evaluation,
        epochs=epochs,
        batch_size=batch_size,
        accumulate=accumulate,
        clip_norm=clip_norm,
        freeze_norms=freeze_norms,
    )


def fine_tuned(run: str, data: Path, model: str) -> "TrainConfig":
    """Return the config of TSM's script for small data sets, which starts from weights of Kinetics-400.

    Args:
        run: name of the run's folder in `runs`.
        data: the manifest.
        model: name of the network.
    """
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        model,
        sampling=Sampling(frames=8),
        optimiser=Optimiser(lr=0.001, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(10, 20)),
        evaluation=Protocol(),
        epochs=25,
        batch_size=64,
        clip_norm=20.0,
        dropout=0.8,
        freeze_norms="all_but_first",
    )
