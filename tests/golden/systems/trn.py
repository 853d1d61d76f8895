"""TRN: its heads alone, and whole networks; subsets that a config records replace the choice of the head."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from recircle.layers.temporal_relation import MultiScaleRelation, TemporalRelation
from recircle.models.trn import FRAME_FEATURES, relation_name
from tests.golden.systems.building import UnknownSystemError, Weights, video_model

_KINDS = {"TRNmultiscale": True, "TRN": False}


class _WithSubsets(nn.Module):
    """A multi-scale head that is given its subsets."""

    def __init__(self, head: MultiScaleRelation, subsets: Sequence[Sequence[Sequence[int]]]) -> None:
        super().__init__()
        self.head = head
        self.subsets = subsets

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x, self.subsets)


def _multi_scale(config: Mapping[str, Any]) -> bool:
    kind = config.get("kind", config.get("consensus", "TRNmultiscale"))
    if kind not in _KINDS:
        raise UnknownSystemError(f"the relation {kind!r} is not known; known are {', '.join(_KINDS)}")
    return _KINDS[kind]


def _fixed(head: nn.Module, config: Mapping[str, Any]) -> nn.Module:
    subsets = config.get("subsets")
    return _WithSubsets(head, subsets) if subsets and isinstance(head, MultiScaleRelation) else head


def _heads(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build a head whose input is the features of frames, [B, T, D]."""
    head = MultiScaleRelation if _multi_scale(config) else TemporalRelation
    with torch.device("meta"):
        relation = head(config["feature_dim"], config["T"], config["num_classes"])
    names = {key: relation_name(key.removeprefix("consensus.")) for key in weights}
    relation.load_state_dict({names[key] or key: value for key, value in weights.items()}, assign=True)
    return _fixed(relation, config)


def _network(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build a whole network."""
    backbone = config.get("backbone", system.removeprefix("trn_").partition("_")[0]).lower()
    if config.get("feature_dim", FRAME_FEATURES) != FRAME_FEATURES:
        raise UnknownSystemError(f"features of {config['feature_dim']} numbers a frame; known are {FRAME_FEATURES}")
    options = {"frames": config["T"], "multi_scale": _multi_scale(config)}
    model = video_model(f"trn_{backbone}", config["num_classes"], weights, **options)
    fc: Any = model.fc
    fc.relation = _fixed(fc.relation, config)
    return model


BUILDERS = {"trn_heads?(_.*)?": _heads, "trn(_.*)?": _network}
