"""I3D with Inception-v1, as its PyTorch port has it."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from tests.golden.systems.building import UnknownSystemError, Weights, video_model


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build the network; it reads T from its input."""
    unknown = sorted(config.keys() - {"num_classes", "T"})
    if unknown:
        raise UnknownSystemError(f"{system}: the config has {', '.join(unknown)}, which is not known")
    return video_model(system, config["num_classes"], weights)


BUILDERS = {"i3d_inception": _build}
