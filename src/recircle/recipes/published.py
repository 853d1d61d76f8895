"""What the recipes of the paper's tables have in common, whatever the data set."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.recipe import Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

NOTES = """
    Weights:
        `--model.pretrained` above fetches the published file when it is first used; `recircle weights NETWORK` lists
        what there is, with its licence. ARC matrices are in no such file and start at zero, so an ARC network computes
        at first what its plain host does. Without --model.pretrained the network starts from scratch, and the figures
        of the paper are out of reach.

    Hardware and time:
        One CUDA GPU; the published scripts use one or two, in mixed precision (--precision bf16; theirs is fp16).
        Time and memory are not measured by this project. Where memory is short, a smaller --batch-size with
        --accumulate 2, 4, ... takes that many passes to a step; `torchrun` uses several GPUs.

    Beside the settings above, as the published scripts have it:
        SGD with momentum 0.9 and Nesterov's step; no weight decay on biases and norms, and biases learn at twice the
        rate; dropout 0.5; all batch norms are trained; frames resized to 256 px, multi-scale crops of 224 px; ARC with
        4 steps in all 3x3 convolutions. The scripts also spare the ARC matrices from weight decay; here they decay.
"""
"""Ends the description of each recipe of ARC and of its plain hosts."""

PEER_NOTES = """
    Weights:
        `--model.pretrained` above fetches the published file when it is first used; `recircle weights NETWORK` lists
        what there is, with its licence. Without it the network starts from scratch, and the figures of the paper are
        out of reach.

    Hardware and time:
        CUDA GPUs, as many as the batch needs (`torchrun` uses several), with --precision bf16. Time and memory are not
        measured by this project. Where memory is short, a smaller --batch-size with --accumulate 2, 4, ... takes that
        many passes to a step.

    Where the settings differ from the original's:
        Norms and biases do not decay. Labels that say left and right are swapped by a flip, and where that cannot be,
        nothing is flipped; some originals flip regardless. Size, crop, channels and normalisation are the network's.
"""
"""Ends the description of each recipe of another system."""


def start(recipe: Recipe, manifest: Path, *, dropout: float | None = 0.5) -> "TrainConfig":
    """Return a config with what all published scripts share; the settings of a recipe replace the rest.

    The network's own preprocessing, 256 px and crops of 224, is theirs, and so are TSN's multi-scale crops with the
    flip that reads class names.

    Args:
        recipe: the row.
        manifest: path of the manifest.
        dropout: before the classifier; None is the network's own.
    """
    # not at the top, so that listing the recipes does not load torch
    from recircle.cores import cores
    from recircle.loading.config import DataConfig
    from recircle.models.registry import ModelConfig
    from recircle.training.config import TrainConfig

    return TrainConfig(
        model=ModelConfig(name=recipe.model, dropout=dropout),
        data=DataConfig(manifest=manifest, sampling=recipe.sampling(), workers=min(8, cores())),
        output=recipe.output,
    )


def fine_tuned(recipe: Recipe, manifest: Path) -> "TrainConfig":
    """Return the config of TSM's script for small data sets, which starts from weights of Kinetics-400."""
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return replace(
        start(recipe, manifest, dropout=0.8),
        optimiser=Optimiser(lr=0.001, nesterov=False, weight_decay=5e-4, bias_lr=2.0),
        schedule=Schedule(kind="step", milestones=(10, 20)),
        epochs=25,
        batch_size=64,
        clip_norm=20.0,
        freeze_norms="all_but_first",
    )
