"""Whether a fit decodes each clip once and keeps its frames until it ends."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import torch

from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData
from recircle.views.preprocessing import Preprocessing

FOLDER = "frames"
"""Of the run, where they are kept."""

_MOST = 8 * 2**30
"""Bytes of all frames above which clips are decoded anew in each epoch."""


def keep_frames(
    config: TrainConfig, data: TrainingData, views: Sequence[Preprocessing], given: Collection[str]
) -> TrainConfig:
    """Return a config that keeps decoded frames, where those of all clips take little room.

    Few clips are seen often, and then decoding is most of the time. On a CPU, which training itself fills, the frames
    that are kept are read by the process that trains.

    Args:
        config: the settings so far.
        data: the clips.
        views: of which one will be taken.
        given: names of the options that the user gave, which stay.
    """
    if {"--data.cache", "--data.augmentation.one-resample"} & set(given):
        return config
    needed = max(_bytes(data, view) for view in views)
    if needed > min(_MOST, _free(config.output) // 2):
        return config
    on_cpu = not torch.accelerator.is_available()
    workers = 0 if on_cpu and "--data.workers" not in given else config.data.workers
    return replace(config, data=replace(config.data, cache=config.output / FOLDER, workers=workers))


def forget_frames(config: TrainConfig) -> None:
    """Delete the frames that `keep_frames` let a run keep, if it did."""
    if config.data.cache == config.output / FOLDER:
        shutil.rmtree(config.output / FOLDER, ignore_errors=True)


def _bytes(data: TrainingData, view: Preprocessing) -> int:
    clips = (clip for clip in chain(data.train.clips, data.val.clips) if clip.status == "ok")
    sizes = ((clip.frames, view.resizer.size_for(clip.height, clip.width)) for clip in clips)
    return sum(3 * frames * height * width for frames, (height, width) in sizes)


def _free(folder: Path) -> int:
    """Return the bytes that are free where a folder is, or will be."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free
