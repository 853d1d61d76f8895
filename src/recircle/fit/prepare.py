"""From the settings that a user gave to those of the run: by the clips, and by a measurement."""

import time
import warnings
from collections.abc import Collection
from dataclasses import replace

import torch

from recircle.fit.frame_cache import keep_frames
from recircle.fit.plan import Plan, choose, suit_clips, views_of
from recircle.fit.step_time import Measured, Pace, measure_pace
from recircle.models.base import VideoModel
from recircle.models.registry import ModelConfig
from recircle.models.weights.homes import PackageFile
from recircle.models.weights.table import weights_for
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData
from recircle.views.preprocessing import Preprocessing

_MEASURED, _LONGEST = 0.03, 40.0
"""Which part of the time is for measuring at each of two sizes, and how many seconds at most."""
_ENOUGH = 0.06
"""The part of the time after which a second size is not measured any more: this machine is slow."""
_SECOND = 3
"""Which of the sizes the second one is."""


def plan_run(config: TrainConfig, given: Collection[str], *, seconds: float) -> Plan:
    """Choose the settings of a run.

    Args:
        config: of the recipe, with what the user gave.
        given: names of the options that the user gave, such as "--epochs"; they stay as they are.
        seconds: that are left for all that follows.

    Raises:
        UserError: the clips cannot be trained on, or not in this time.
    """
    began = time.monotonic()
    with warnings.catch_warnings():
        # training itself tells them
        warnings.simplefilter("ignore")
        data = TrainingData.read(config)
        config = suit_clips(config, data, given)
        views = _views(config, data, given)
        config = keep_frames(config, data, views, given)
        tried = {view.crop_size: view for view in (views[0], views[min(_SECOND, len(views) - 1)])}
        measured: list[Measured] = []
        for view in tried.values():
            if not measured or time.monotonic() - began < _ENOUGH * seconds:
                longest = min(_MEASURED * seconds, _LONGEST)
                measured.append(measure_pace(with_view(config, view), data, seconds=longest))
    pace = Pace.through(measured)
    left = seconds - (time.monotonic() - began)
    plan = choose(config, data, views, pace, seconds=left, given=given)
    sizes = " and ".join(
        f"{one.clip:.2f} s at {view.crop_size[0]} x {view.crop_size[1]} px"
        for one, view in zip(measured, tried.values())
    )
    return replace(plan, reasons=(f"measured: a clip takes {sizes} in training", *plan.reasons))


def with_view(config: TrainConfig, view: Preprocessing) -> TrainConfig:
    """Return a config with another preprocessing."""
    return replace(config, data=replace(config.data, preprocessing=view))


def plain_network(config: ModelConfig) -> VideoModel:
    """Build a network without weights, to ask what it takes."""
    with torch.device("meta"):
        return config.build_empty(2)


def has_weights(model: str) -> bool:
    """Tell whether a package holds weights of images for a network; nothing is fetched to find out.

    Raises:
        UserError: there is one, and it is not installed; or no network has that name.
    """
    ModelConfig(name=model)
    packaged = [row for row in weights_for(model) if isinstance(row.home, PackageFile)]
    for row in packaged:
        row.home.fetch()
    return bool(packaged)


def _views(config: TrainConfig, data: TrainingData, given: Collection[str]) -> list[Preprocessing]:
    """Return the views to choose from, from small to large: those that the network takes, or what the user gave."""
    model = plain_network(config.model)
    plain = config.data.preprocessing or model.preprocessing
    if any(name.startswith("--data.preprocessing") for name in given):
        return [plain]
    frames = config.data.sampling.frames
    return [view for view in views_of(data, plain) if _takes(model, view, frames)] or [plain]


def _takes(model: VideoModel, view: Preprocessing, frames: int) -> bool:
    height, width = view.crop_size
    try:
        with torch.no_grad():
            model.eval()(torch.empty(1, frames, 3, height, width, device="meta"))
    except (RuntimeError, ValueError):
        return False
    return True
