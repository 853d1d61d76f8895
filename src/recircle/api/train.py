"""From a recipe or a network to a trained run: `recircle.train`, and what the command of that name shares with it."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import torch
from torch import nn

from recircle.api.data import Data, clips_to_train
from recircle.api.keywords import check_keywords
from recircle.api.settings import PLACES, TrainSettings, apply_settings
from recircle.errors import UserError
from recircle.loading.dataset import ClipDataset, DatasetClips
from recircle.models.base import VideoModel
from recircle.models.builder import Builder
from recircle.models.registry import ModelConfig, name_of
from recircle.models.wrapped import Takes, WrappedModel, class_name, wrap_network
from recircle.public import public
from recircle.recipes import registry
from recircle.recipes.own import FRAMES, recipe_of_object
from recircle.recipes.recipe import Recipe
from recircle.run import Run
from recircle.training import loop
from recircle.training.config import TrainConfig
from recircle.training.display import working
from recircle.views.preprocessing import Preprocessing

ITEMS = "items.csv"
"""Where a run lists the items of the Datasets that it was trained on."""


@public
def train(
    model: str | nn.Module | Builder | ModelConfig | Recipe,
    data: Data,
    *,
    validation: ClipDataset | None = None,
    classes: Sequence[str] | None = None,
    takes: Takes | None = None,
    resume: bool = False,
    progress: bool = True,
    **settings: Unpack[TrainSettings],
) -> Run:
    """Train a network and return its run, as `recircle train` does.

    `train("tsm_resnet18", "clips/", epochs=10, lr=0.02, output="runs/mine")` trains a network by its name on a folder
    of clips, and `train(net, dataset, classes=["wave", "nod"])` one of your own on a PyTorch Dataset.

    Args:
        model: the name of a recipe (`recircle.list_recipes()`) or of a network (`recircle.list_models()`, with settings
            for clips of one's own); a function with `@recircle.register_model`; a `ModelConfig` or a `Recipe`; or a
            network itself, which is trained in place: a `VideoModel`, a `FrameModel`, or any module that maps images or
            clips to logits. A run of a network itself cannot build it again, so that whoever loads the run gives one
            like it (`model=net` of `Recognizer.load`, `recircle.evaluate` and `Run.load_model`).
        data: a manifest, as a file, the folder that it lies in, or what `recircle.index` returned; a folder of clips,
            which is indexed; or a Dataset of the map style, or a list, of pairs (frames, label). Frames are RGB, of any
            number and size: an array [T, H, W, 3], a tensor [T, 3, H, W] or a list of images, uint8 or floating point
            in 0..1, not normalised. A label is a number from 0 on, or the name of a class.
        validation: clips to evaluate on after each epoch, where `data` is a Dataset; None holds out a fifth of `data`.
        classes: names of a Dataset's labels, in the order of their numbers; None takes its attribute `classes`.
        takes: what a network takes that is given itself: images [N, 3, H, W] ("NCHW"), whose logits are averaged over
            the frames, or clips [B, T, 3, H, W] ("BTCHW") or [B, 3, T, H, W] ("BCTHW"). None finds out which of them it
            runs on; where it is several, that is an error.
        resume: go on with the run in `output` from its last checkpoint; the other arguments are those it was started
            with, but for what does not change the steps already done, such as more epochs.
        progress: show steps on standard error, or in the notebook.
        **settings: what differs from the recipe; `TrainSettings` lists them.

    Raises:
        UserError: there is no such recipe, network, manifest or argument; a value cannot be used; the network is for
            another number of classes, or does not make logits of clips; an item of a Dataset is not as it should be;
            the output holds something else; or training cannot go on, see `recircle.training.loop.train`.
        KeyboardInterrupt: on Ctrl-C, after a checkpoint; the same call with `resume=True` goes on.
    """
    given = check_keywords("train", TrainSettings, settings)
    if takes is not None and not isinstance(model, nn.Module):
        raise UserError("takes= goes with a network itself; one with a name is registered with takes=")
    recipe = find_recipe(model)
    config = recipe(Path(ITEMS))
    if isinstance(model, ModelConfig):
        config = replace(config, model=model)
    network = {name: value for name, value in given.items() if name in PLACES["model"]}
    config = apply_settings(config, network)
    built = model if isinstance(model, nn.Module) else build_on_meta(config.model)
    if config.data.preprocessing is None:
        # what is changed of it is changed of what the network wants
        wanted = built.preprocessing if isinstance(built, VideoModel) else Preprocessing()
        config = replace(config, data=replace(config.data, preprocessing=wanted))
    config = apply_settings(config, given)
    ready: dict[str, VideoModel] = {}
    if isinstance(model, nn.Module):
        config, ready["model"] = _with_object(config, model, takes)
    with working("reading the clips", shown=progress) as (tell, bar):
        clips = clips_to_train(data, validation, classes, tell=tell, bar=bar)
    name, place = ("", clips.manifest) if clips.dataset is None else (clips.dataset.name, config.output / ITEMS)
    assert place is not None
    config = replace(config, data=replace(config.data, manifest=place, dataset=name))
    return train_recipe(recipe, config, resume=resume, progress=progress, dataset=clips.dataset, **ready)


def train_recipe(
    recipe: Recipe,
    config: TrainConfig,
    *,
    resume: bool = False,
    progress: bool = True,
    model: VideoModel | None = None,
    dataset: DatasetClips | None = None,
) -> Run:
    """Train what a recipe became once it was given clips and settings.

    Raises:
        UserError: the clips are of another version of the recipe's data set, or as for `recircle.training.loop.train`.
    """
    registry.warn_from_scratch(recipe, config)
    if dataset is None:
        registry.check_version(recipe, config)
    return loop.train(config, resume=resume, progress=progress, model=model, dataset=dataset)


def find_recipe(model: object) -> Recipe:
    """Return the recipe that is meant.

    Raises:
        UserError: there is none.
    """
    if isinstance(model, Recipe):
        return model
    if isinstance(model, (str, ModelConfig)):
        return registry.get_recipe(model if isinstance(model, str) else model.name)
    if isinstance(model, VideoModel):
        return recipe_of_object(model.name, model.nearest_frames(FRAMES))
    if isinstance(model, nn.Module):
        return recipe_of_object(class_name(model))
    if name := name_of(model):
        return registry.get_recipe(name)
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise UserError(f"{model.__name__} is a class; give train a network of it, such as {model.__name__}(...)")
    if callable(model):
        raise UserError(
            f"{getattr(model, '__name__', model)!r} has no name among the networks; decorate the function with "
            "@recircle.register_model, or give train the network that it builds"
        )
    raise UserError(f"train takes a network, or the name of one or of a recipe, not a {type(model).__name__}")


def _with_object(config: TrainConfig, net: nn.Module, takes: Takes | None) -> tuple[TrainConfig, VideoModel]:
    """Return the config of a network that is there already, and the network as one of this package."""
    preprocessing = config.data.preprocessing
    assert preprocessing is not None
    frames = config.data.sampling.frames
    wrapped = wrap_network(net, frames=frames, size=preprocessing.crop_size, takes=takes, preprocessing=preprocessing)
    form: Takes = wrapped.takes if isinstance(wrapped, WrappedModel) else "BTCHW"
    return replace(config, model=ModelConfig(name=wrapped.name, given=form)), wrapped


def build_on_meta(config: ModelConfig) -> VideoModel:
    """Build the network without weights, so that options that do not fit it are told before anything is written.

    Raises:
        UserError: they do not fit.
    """
    try:
        # what it warns of, it warns of again in training
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return config.build_empty(2)
    except ValueError as problem:
        raise UserError(f"model: {problem}") from None
