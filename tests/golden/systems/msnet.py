"""MSNet on ResNets."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from recircle.models.msnet import MSNet
from tests.golden.systems.building import UnknownSystemError, Weights


def _build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build msnet_r18, msnet_r50 and their sisters; a backbone in the config goes before that in the system's name."""
    named = re.fullmatch(r"(?:.*_r|resnet)(?:esnet)?(18|34|50|101)", str(config.get("backbone", system)))
    if not named:
        raise UnknownSystemError(f"MSNet on {config.get('backbone', system)} is not known, only on ResNets")
    with torch.device("meta"):
        model = MSNet(f"msnet_resnet{named[1]}", int(named[1]), config["num_classes"])
    model.load_state_dict(model.convert_published(dict(weights)), assign=True)
    return model


BUILDERS = {"msnet(_r.*)?": _build}
