"""ABM-iabp on ResNets."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from tests.golden.systems.building import UnknownSystemError, Weights, video_model


class _Snippets(nn.Module):
    """Gives a network for [B, T, 3, H, W] its input as the golden vectors have it, stacked [B, T / K, 3 K, H, W]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.unflatten(2, (-1, 3)).flatten(1, 2))


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build abm_r18, abm_r50 and their sisters; depth and snippet of the config go before the system's name."""
    named = re.search(r"r(?:esnet)?(\d+)", system)
    depth = config.get("depth", named[1] if named else None)
    snippet = config.get("snippet", weights["conv1.weight"].shape[1] // 3)
    # the published checkpoints' own mark of this form
    if not any(re.fullmatch(r"layer2\.1\.conv[12]_abp\.weight", key) for key in weights):
        raise UnknownSystemError(f"{system} is not of the form iabp")
    return _Snippets(video_model(f"abm_iabp_resnet{depth}", config["num_classes"], weights, snippet=snippet))


BUILDERS = {"abm(_.*)?": _build}
