"""LoRA (Hu et al., ICLR 2022): low-rank changes of a network's layers learn, and the layers themselves stay."""

import copy
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from recircle.arc.module import ArcLayer
from recircle.errors import UserError
from recircle.models.base import VideoModel
from recircle.models.hosts.libraries import import_peft
from recircle.public import public
from recircle.torch_internals import Convolution
from recircle.words import counted

M = TypeVar("M", bound=nn.Module)
_TYPES = (nn.Linear, nn.Conv2d, nn.Conv3d)


@public
@dataclass(frozen=True, kw_only=True)
class Lora:
    """How `trainable="lora"` changes layers: W + alpha / rank * B A.

    Attributes:
        rank: rows of A and columns of B.
        alpha: what the change is multiplied by, times the rank.
        dropout: of the input of the change, in [0, 1).
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError(f"lora.rank={self.rank} must be 1 or more")
        if not self.alpha > 0:
            raise ValueError(f"lora.alpha={self.alpha} must be above 0")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"lora.dropout={self.dropout} is the share of values left out; give one in [0, 1)")


def add_lora(model: VideoModel, lora: Lora) -> None:
    """Give the layers of a network low-rank changes, in place; all else of it but these stops to learn.

    They are in its linear layers and its convolutions over one group, but for those of the classifier, the one that
    reads the frames, and ARC layers, whose weight is read in parts.

    Raises:
        UserError: peft is not installed; or no layer of the network can have them.
    """
    if has_lora(model):
        model.requires_grad_(False)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(".lora_" in name)
        return
    peft = import_peft()
    names = _layers(model)
    if not names:
        raise UserError(
            f"trainable=lora: {model.name} has no layers that peft gives low-rank changes to; train its last stages "
            "instead, such as trainable=last-1"
        )
    config = peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=names, bias="none"
    )
    # that of peft's own, which wraps the network, is not wanted: the network changes in place
    peft.inject_adapter_in_model(config, model)


def has_lora(model: nn.Module) -> bool:
    """Tell whether a network has low-rank changes."""
    return any(hasattr(module, "lora_A") for module in model.modules())


def without_lora(model: M) -> M:
    """Return a network that computes the same with its low-rank changes added to the layers; itself if it has none."""
    if not has_lora(model):
        return model
    merged = copy.deepcopy(model)
    layers: dict[str, Any] = {name: module for name, module in merged.named_modules() if hasattr(module, "lora_A")}
    for name, layer in layers.items():
        with torch.no_grad():
            layer.merge()
        merged.set_submodule(name, layer.get_base_layer())
    return merged


def tell_lora(model: nn.Module) -> list[str]:
    """Return in words what of a network has low-rank changes; nothing if none has."""
    layers: list[Any] = [module for module in model.modules() if hasattr(module, "lora_A")]
    if not layers:
        return []
    size = sum(parameter.numel() for name, parameter in model.named_parameters() if ".lora_" in name)
    return [
        f"lora: {counted(len(layers), 'layer')} with changes of rank {layers[0].r['default']}, {size} parameters in "
        "all; they are added to the weights that are saved"
    ]


def _layers(model: VideoModel) -> list[str]:
    head = getattr(model, "fc", None)
    inside = set(head.modules()) if isinstance(head, nn.Module) else set()
    stem = next((module for module in model.modules() if isinstance(module, Convolution)), None)
    return [
        name
        for name, module in model.named_modules()
        if type(module) in _TYPES
        and not isinstance(module, ArcLayer)
        and module not in inside
        and module is not stem
        and getattr(module, "groups", 1) == 1
    ]
