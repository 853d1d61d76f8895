"""TSN and TSM on ResNets."""

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from tests.golden.systems.building import Weights, video_model


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build tsn_r50, tsm_r18 and their sisters; a backbone in the config goes before that in the system's name."""
    named = re.search(r"_r(?:esnet)?(\d+)", system)
    backbone = config.get("backbone", f"resnet{named[1]}" if named else "").lower()
    return video_model(f"{system[:3]}_{backbone}", config["num_classes"], weights)


BUILDERS = {"ts[nm](_r.*)?": _build}
