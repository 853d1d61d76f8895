"""From a recipe or a network to a trained run: `recircle.train`, and what the command of that name shares with it."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import torch

from recircle.api.keywords import check_keywords
from recircle.api.settings import PLACES, TrainSettings, apply_settings
from recircle.errors import UserError
from recircle.manifest.find import manifest_file
from recircle.manifest.manifest import Manifest
from recircle.models.base import VideoModel
from recircle.models.registry import ModelConfig
from recircle.public import public
from recircle.recipes import registry
from recircle.recipes.recipe import Recipe
from recircle.run import Run
from recircle.training import loop
from recircle.training.config import TrainConfig


@public
def train(
    model: str | ModelConfig | Recipe,
    data: str | Path | Manifest,
    *,
    resume: bool = False,
    progress: bool = True,
    **settings: Unpack[TrainSettings],
) -> Run:
    """Train a network and return its run, as `recircle train` does.

    `train("tsm_resnet18", "clips/", epochs=10, lr=0.02, output="runs/mine")` needs the manifest that
    `recircle.index("clips/", holdout=0.2)` wrote there.

    Args:
        model: the name of a recipe (`recircle.list_recipes()`) or of a network (`recircle.list_models()`, with settings
            for clips of one's own); a `ModelConfig`; or a `Recipe`.
        data: a manifest, as a file, the folder that it lies in, or what `recircle.index` returned.
        resume: go on with the run in `output` from its last checkpoint; the other arguments are those it was started
            with, but for what does not change the steps already done, such as more epochs.
        progress: show steps on standard error.
        **settings: what differs from the recipe; `TrainSettings` lists them.

    Raises:
        UserError: there is no such recipe, network, manifest or argument; a value cannot be used; the output holds
            something else; or training cannot go on, see `recircle.training.loop.train`.
        KeyboardInterrupt: on Ctrl-C, after a checkpoint; the same call with `resume=True` goes on.
    """
    recipe = find_recipe(model)
    given = check_keywords("train", TrainSettings, settings)
    config = recipe(manifest_file(data))
    if isinstance(model, ModelConfig):
        config = replace(config, model=model)
    network = {name: value for name, value in given.items() if name in PLACES["model"]}
    built = build_on_meta(apply_settings(config, network).model)
    if config.data.preprocessing is None:
        # what is changed of it is changed of what the network wants
        config = replace(config, data=replace(config.data, preprocessing=built.preprocessing))
    config = apply_settings(config, given)
    return train_recipe(recipe, config, resume=resume, progress=progress)


def train_recipe(recipe: Recipe, config: TrainConfig, *, resume: bool = False, progress: bool = True) -> Run:
    """Train what a recipe became once it was given clips and settings.

    Raises:
        UserError: the clips are of another version of the recipe's data set, or as for `recircle.training.loop.train`.
    """
    registry.warn_from_scratch(recipe, config)
    registry.check_version(recipe, config)
    return loop.train(config, resume=resume, progress=progress)


def find_recipe(model: object) -> Recipe:
    """Return the recipe that is meant.

    Raises:
        UserError: there is none.
    """
    if isinstance(model, Recipe):
        return model
    if isinstance(model, (str, ModelConfig)):
        return registry.get_recipe(model if isinstance(model, str) else model.name)
    raise UserError(
        f"train takes the name of a network or a recipe, not a {type(model).__name__}; a network of your own gets a "
        "name by recircle.register_model, on the function that builds it"
    )


def build_on_meta(config: ModelConfig) -> VideoModel:
    """Build the network without weights, so that options that do not fit it are told before anything is written.

    Raises:
        UserError: they do not fit.
    """
    try:
        # what it warns of, it warns of again in training
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return replace(config, pretrained=None).build(2)
    except ValueError as problem:
        raise UserError(f"model: {problem}") from None
