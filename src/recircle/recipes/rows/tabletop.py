"""The generated benchmark: one network on a single frame, with TSM, and with ARC in TSM, all trained alike.

These are the three runs that `recircle demo` compares; every number that decides how long it takes is in `_tabletop`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.data_sets import TABLETOP
from recircle.recipes.recipe import Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = """
    Settings, the same for all three:
        ResNet-18 with a quarter of the channels, from scratch; 56 px; SGD with a warm-up and a cosine. They suit the
        size "small" (960 clips to train on). For size "full" train a wider network on larger frames and for longer, for
        example --model.width 32 --data.preprocessing.resize 128 --data.preprocessing.crop 112 --epochs 30.

    Hardware and time:
        Two CPU cores, one to three minutes a run; `recircle demo` prints the seconds of each.

    Expected:
        `recircle demo` runs all three and prints their accuracy with intervals, beside chance. Five epochs are a
        glimpse, not a comparison of methods: one run each, of a network that is far from trained.
"""


def _tabletop(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.loading.config import DataConfig
    from recircle.models.registry import ModelConfig
    from recircle.training.config import TrainConfig
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule
    from recircle.views.augmentation import Augmentation
    from recircle.views.preprocessing import Preprocessing

    return TrainConfig(
        model=ModelConfig(name=recipe.model, width=16, dropout=0.0),
        data=DataConfig(
            manifest=manifest,
            sampling=recipe.sampling(),
            preprocessing=Preprocessing(resize=64, crop=56),
            augmentation=Augmentation(scales=(1.0, 0.875), max_distort=0),
            workers=1,
        ),
        optimiser=Optimiser(lr=0.06, weight_decay=5e-4),
        schedule=Schedule(kind="cosine", warmup=0.5),
        output=recipe.output,
        epochs=5,
        batch_size=16,
        clip_norm=20.0,
    )


RECIPES = (
    Recipe(
        name="tabletop_single_frame",
        data=TABLETOP,
        title="ResNet-18 on a single frame",
        model="tsn_resnet18",
        frames=1,
        summary="near chance inside each family, as nothing in one frame tells",
        settings=_tabletop,
        notes=_NOTES,
    ),
    Recipe(
        name="tabletop_tsm",
        data=TABLETOP,
        title="TSM-ResNet-18, 8 frames",
        model="tsm_resnet18",
        frames=8,
        summary="the plain host of ARC",
        settings=_tabletop,
        notes=_NOTES,
    ),
    Recipe(
        name="tabletop_arc_tsm",
        data=TABLETOP,
        title="ARC-TSM-ResNet-18, 8 frames",
        model="arc_tsm_resnet18",
        frames=8,
        settings=_tabletop,
        notes=_NOTES,
    ),
)
