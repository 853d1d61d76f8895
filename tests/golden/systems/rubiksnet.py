"""RubiksNet in its tiers and variants."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from tests.golden.systems.building import UnknownSystemError, Weights, video_model

_VARIANTS = {"rubiks3d": "3d", "rubiks3d-aq": "aq"}


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build rubiksnet_tiny and its sisters; tier and variant in the config go before those in the system's name."""
    parts = system.split("_")[1:]
    tier = config.get("tier", parts[0] if parts else "")
    variant = config.get("variant", "rubiks3d-aq" if "aq" in parts else "rubiks3d")
    if variant not in _VARIANTS:
        raise UnknownSystemError(f"the variant {variant!r} of RubiksNet is not known")
    return video_model(f"rubiksnet_{tier}", config["num_classes"], weights, variant=_VARIANTS[variant])


BUILDERS = {"rubiksnet(_.*)?": _build}
