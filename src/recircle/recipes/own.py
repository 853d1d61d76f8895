"""The recipe of a network by its name alone, for clips of one's own."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.recipe import DataSet, Recipe

if TYPE_CHECKING:
    from recircle.models.wrapped import Takes
    from recircle.training.config import TrainConfig

OWN_CLIPS = DataSet(title="Own clips", folder="CLIPS", prepare="recircle index CLIPS --holdout 0.2")

FRAMES = 8

_NOTES = """
    Settings, the same for every network:
        From scratch, unless --model.pretrained names weights. 20 epochs of batches of 16 clips; SGD with rate 0.01,
        which rises for half an epoch and falls to zero as a cosine; 8 frames from the whole clip, or the nearest number
        that the network takes, of the size it wants. They are a start for your own clips, and are not from a paper.
        With few clips, `recircle train finetune` gets further, since it starts from weights of images.
"""


def own_recipe(model: str) -> Recipe:
    """Return the recipe for clips of one's own of a network.

    Raises:
        UserError: no network has that name, or it cannot be built with its defaults.
    """
    import torch

    from recircle.models import create_model, model_summary
    from recircle.models.registry import needed_options

    frames = FRAMES
    # one that needs options is built once they are known
    if not needed_options(model):
        with torch.device("meta"):
            frames = create_model(model, 2).nearest_frames(FRAMES)
    return _recipe(model, frames, model_summary(model).rstrip("."))


def recipe_of_object(name: str, frames: int = FRAMES) -> Recipe:
    """Return the same recipe for a network that is given as an object.

    Args:
        name: of its class.
        frames: T that it takes.
    """
    return _recipe(name, frames, given="BTCHW")


def _recipe(name: str, frames: int, summary: str = "", given: "Takes | None" = None) -> Recipe:
    return Recipe(
        name=name,
        data=OWN_CLIPS,
        title=name,
        model=name,
        frames=frames,
        summary=summary,
        settings=partial(_own, given=given),
        notes=_NOTES,
    )


def _own(recipe: Recipe, manifest: Path, given: "Takes | None") -> "TrainConfig":
    from recircle.cores import cores
    from recircle.loading.config import DataConfig
    from recircle.models.registry import ModelConfig
    from recircle.training.config import TrainConfig
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return TrainConfig(
        model=ModelConfig(name=recipe.model, given=given),
        data=DataConfig(manifest=manifest, sampling=recipe.sampling(), workers=min(2, cores())),
        optimiser=Optimiser(lr=0.01),
        schedule=Schedule(kind="cosine", warmup=0.5),
        output=recipe.output,
        epochs=20,
        batch_size=16,
        clip_norm=20.0,
    )
