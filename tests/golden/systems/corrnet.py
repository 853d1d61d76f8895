"""CorrNet in the form of its public re-implementation."""

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from tests.golden.systems.building import UnknownSystemError, Weights, video_model


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build corrnet26 and its sisters; a depth in the config goes before that in the system's name."""
    unknown = sorted(config.keys() - {"num_classes", "T", "depth"})
    if unknown:
        raise UnknownSystemError(f"{system}: the config has {', '.join(unknown)}, which is not known")
    named = re.search(r"\d+", system)
    depth = config.get("depth", named[0] if named else "")
    filters = [value for key, value in sorted(weights.items()) if key.endswith("correlation.filter_weight")]
    if not filters:
        raise UnknownSystemError(f"{system}: its weights have no correlation filters")
    frames = filters[0].shape[1]
    return video_model(f"corrnet{depth}", config["num_classes"], weights, frames=frames, reimplementation=True)


BUILDERS = {"corrnet(26|50|101)": _build}
