"""PySlowFast's networks: I3D, SlowOnly and SlowFast."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from recircle.models.backbones.resnet3d import TrunkPlan
from recircle.models.backbones.video_resnet3d import VideoResNet3d
from recircle.models.base import VideoModel
from recircle.models.i3d import TEMPORAL_POOL, i3d_plan
from recircle.models.slowfast import SlowFast, fast_plan
from recircle.models.slowonly import slow_plan
from tests.golden.systems.building import UnknownSystemError, Weights, video_model

_FILES = {
    "i3d": re.compile(r"I3D_\d+x\d+_R(?P<depth>50|101)(_\w+)?"),
    "slowonly": re.compile(r"SLOW(ONLY)?_\d+x\d+_R(?P<depth>50|101)(_\w+)?"),
    "slowfast": re.compile(
        r"SLOWFAST_(?P<slow>4x16|8x8|16x8)_R(?P<depth>50|101)(_(?P<slow_blocks>50|101)_(?P<fast_blocks>50|101))?"
    ),
}
"""Config files of each system by their names without folder and ending. R101_50_101 says to which depth the temporal
kernels of the third stage reach in either pathway."""


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build what the config file says; without one what the system's name says."""
    family, depth = _named(system)
    unknown = config.keys() - {"num_classes", "T", "config_file", "spatial_strides"}
    file = config.get("config_file", _USUAL.get(system, "")).rpartition("/")[2].removesuffix(".yaml")
    named = _FILES[family].fullmatch(file)
    strides = [stage[0] for stage in config.get("spatial_strides", [[1], [2], [2], [2]])]
    if named is None or unknown or strides[:3] != [1, 2, 2] or named["depth"] != depth:
        raise UnknownSystemError(f"{system}: this config is not known: {dict(config)}")
    registered = _REGISTERED.get((file, strides[3]))
    if registered is not None:
        return video_model(registered, config["num_classes"], weights)
    makers: dict[str, Callable[[], VideoModel]] = {
        "i3d": lambda: _resnet(i3d_plan(int(depth)), strides[3], config["num_classes"]),
        "slowonly": lambda: _resnet(slow_plan(int(depth)), strides[3], config["num_classes"]),
        "slowfast": lambda: _slowfast(named, int(depth), strides[3], config["num_classes"], weights),
    }
    # no storage and no drawing of initial weights
    with torch.device("meta"):
        model = makers[family]()
    model.load_state_dict(model.convert_published(dict(weights)), assign=True)
    return model


_REGISTERED = {
    ("I3D_8x8_R50", 2): "i3d_resnet50",
    ("I3D_8x8_R50", 1): "i3d_resnet50_res5_stride1",
    ("SLOW_8x8_R50", 2): "slowonly_resnet50",
    ("SLOWONLY_8x8_R50", 2): "slowonly_resnet50",
    ("SLOWFAST_8x8_R50", 2): "slowfast_resnet50",
    ("SLOWFAST_16x8_R101_50_50", 2): "slowfast_resnet101",
}
"""The networks of this package, by config file and the spatial stride of the last stage."""

_USUAL = {
    "i3d_r50": "I3D_8x8_R50",
    "slowonly_r50": "SLOW_8x8_R50",
    "slowfast_r50": "SLOWFAST_8x8_R50",
    "slowfast_r101": "SLOWFAST_16x8_R101_50_50",
}
"""The config file where a case names none."""


def _named(system: str) -> tuple[str, str]:
    named = re.fullmatch(r"(\w+?)_r(?:esnet)?(50|101).*", system)
    if named is None:
        raise UnknownSystemError(f"the depth of {system} is not known")
    return named[1], named[2]


def _resnet(plan: TrunkPlan, last_stride: int, num_classes: int) -> VideoModel:
    plan, pool = replace(plan, last_stride=last_stride), TEMPORAL_POOL if plan.stem_kernel > 1 else None
    return VideoResNet3d("golden", plan, num_classes, temporal_pool=pool, namings=("PySlowFast",))


def _slowfast(named: re.Match[str], depth: int, last_stride: int, num_classes: int, weights: Weights) -> VideoModel:
    slow = slow_plan(depth, temporal=6 if named["slow_blocks"] == "50" else 23)
    fast = fast_plan(depth, temporal=6 if named["fast_blocks"] == "50" else 23)
    return SlowFast(
        "golden",
        replace(slow, last_stride=last_stride),
        replace(fast, last_stride=last_stride),
        num_classes,
        # 7 or 5 in configs that are alike otherwise
        fusion_kernel=weights["s1_fuse.conv_f2s.weight"].shape[2],
        alpha=8 if named["slow"] == "4x16" else 4,
    )


BUILDERS = {r"(i3d|slowonly|slowfast)_r(esnet)?\d+.*": _build}
