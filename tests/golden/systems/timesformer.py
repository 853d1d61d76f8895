"""TimeSformer."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from tests.golden.systems.building import UnknownSystemError, Weights, video_model

_FIXED = {
    "attention_type": "divided_space_time",
    "patch_size": 16,
    "in_chans": 3,
    "mlp_ratio": 4,
    "qkv_bias": True,
}


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build any size of it; T and the pixels of the case may be others than those of the embeddings."""
    for key, value in _FIXED.items():
        if config.get(key, value) != value:
            raise UnknownSystemError(f"{system} with {key}={config[key]!r} is not known")
    large, hr = "large" in system or system.endswith("_l"), "hr" in system.split("_")
    width = config.get("embed_dim", 768)
    heads = config.get("heads", config.get("num_heads"))
    if heads not in (None, max(width // 64, 1)):
        raise UnknownSystemError(f"{system} with {heads} heads for {width} channels is not known")
    return video_model(
        "timesformer_base",
        config["num_classes"],
        weights,
        width=width,
        depth=config.get("depth", 12),
        frames=config.get("num_frames", 96 if large else 16 if hr else 8),
        size=config.get("img_size", 448 if hr else 224),
    )


BUILDERS = {"timesformer(_.*)?": _build}
