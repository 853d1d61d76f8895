"""TEA on Res2Net-50."""

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from tests.golden.systems.building import UnknownSystemError, Weights, video_model


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build tea_r50 and its sisters for other T; the backbone is always Res2Net-50 26w4s."""
    named = str(config.get("backbone", system))
    if not re.search(r"(?<!\d)50(?!\d)", named):
        raise UnknownSystemError(f"TEA on {named} is not known, only on Res2Net-50 26w4s")
    return video_model("tea_res2net50", config["num_classes"], weights)


BUILDERS = {"tea.*": _build}
