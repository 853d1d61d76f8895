"""Settings of runs that start from a network of another library, for clips of one's own."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.own import OWN_CLIPS
from recircle.recipes.recipe import Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

LR = 1e-4
"""Of the network; the new classifier has ten times that."""

_NOTES = """
    Settings:
        Those of `recircle train finetune`, but for the rate: AdamW with 1e-4, ten times that for the new classifier.
        The weights are those of the name (--model.pretrained none draws them); preprocessing and the number of frames
        are those that the network was trained with, from its own files.
        On request: --trainable head, lora or last-2 where there are few clips or little memory; --model.arc-preset
        paper for ARC; see docs/hosts.md.
"""


def on_host(config: "TrainConfig", name: str) -> "TrainConfig":
    """Return the settings of a recipe for a network of another library: its frames, its weights, and a lower rate.

    Raises:
        UserError: there is no such network, its files cannot be had, or it cannot be built.
    """
    from recircle.models.registry import ModelConfig

    model = ModelConfig(name=name, dropout=config.model.dropout)
    config = replace(config, model=model, optimiser=replace(config.optimiser, kind="adamw", lr=LR))
    return with_usual_frames(config)


def with_usual_frames(config: "TrainConfig") -> "TrainConfig":
    """Return a config with the number of frames that its network was trained with, or the nearest that it takes."""
    import torch

    with torch.device("meta"):
        model = config.model.build_empty(2)
    frames = model.usual_frames or model.nearest_frames(config.data.sampling.frames)
    return replace(config, data=replace(config.data, sampling=replace(config.data.sampling, frames=frames)))


def host_recipe(name: str) -> Recipe:
    """Return the recipe for clips of one's own of a network of another library, from its weights."""
    return Recipe(
        name=name,
        data=OWN_CLIPS,
        title=name,
        model=name,
        frames=8,
        summary="a network of another library, from its own weights",
        settings=_settings,
        notes=_NOTES,
    )


def _settings(recipe: Recipe, manifest: Path) -> "TrainConfig":
    from recircle.recipes.rows.finetune import finetune_settings

    return on_host(finetune_settings(recipe, manifest), recipe.model)
