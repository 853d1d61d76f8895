"""The generated benchmark: one network on a single frame, with TSM, and with ARC in TSM, all trained alike.

These are the three runs that `recircle demo` compares; every number that decides how long it takes is in `_tabletop`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.registry import recipe

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


def _tabletop(data: Path, run: str, model: str, frames: int) -> "TrainConfig":
    from recircle.data.augmentation import Augmentation
    from recircle.data.config import DataConfig
    from recircle.data.preprocessing import Preprocessing
    from recircle.data.sampling import Sampling
    from recircle.models.registry import ModelConfig
    from recircle.training.config import TrainConfig
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return TrainConfig(
        model=ModelConfig(name=model, width=16, dropout=0.0),
        data=DataConfig(
            manifest=data,
            sampling=Sampling(frames=frames),
            preprocessing=Preprocessing(resize=64, crop=56),
            augmentation=Augmentation(scales=(1.0, 0.875), max_distort=0),
            workers=1,
        ),
        optimiser=Optimiser(lr=0.06, weight_decay=5e-4),
        schedule=Schedule(kind="cosine", warmup=0.5),
        output=Path("runs") / run,
        epochs=5,
        batch_size=16,
        clip_norm=20.0,
    )


@recipe(notes=_NOTES)
def tabletop_single_frame(data: Path) -> "TrainConfig":
    """Tabletop, ResNet-18 on a single frame: near chance inside each family, as nothing in one frame tells.

    Commands:
        recircle tabletop --output TABLETOP --size small
        recircle train tabletop_single_frame --data TABLETOP
        recircle eval runs/tabletop_single_frame
    """
    return _tabletop(data, "tabletop_single_frame", "tsn_resnet18", 1)


@recipe(notes=_NOTES)
def tabletop_tsm(data: Path) -> "TrainConfig":
    """Tabletop, TSM-ResNet-18, 8 frames: the plain host of ARC.

    Commands:
        recircle tabletop --output TABLETOP --size small
        recircle train tabletop_tsm --data TABLETOP
        recircle eval runs/tabletop_tsm
    """
    return _tabletop(data, "tabletop_tsm", "tsm_resnet18", 8)


@recipe(notes=_NOTES)
def tabletop_arc_tsm(data: Path) -> "TrainConfig":
    """Tabletop, ARC-TSM-ResNet-18, 8 frames.

    Commands:
        recircle tabletop --output TABLETOP --size small
        recircle train tabletop_arc_tsm --data TABLETOP
        recircle eval runs/tabletop_arc_tsm
    """
    return _tabletop(data, "tabletop_arc_tsm", "arc_tsm_resnet18", 8)
