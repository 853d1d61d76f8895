"""TSN and GSM on the Inception networks of TSN's authors."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from tests.golden.systems.building import Weights, video_model


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build the network; a backbone in the config goes before that in the system's name."""
    family, _, rest = system.partition("_")
    backbone = config.get("backbone", rest.partition("_")[0])
    return video_model(f"{family}_{backbone.lower()}", config["num_classes"], weights)


BUILDERS = {"gsm(_.*)?": _build, "tsn_(bninception|inceptionv3)(_.*)?": _build}
