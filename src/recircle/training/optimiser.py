"""The optimisers, and which parameters decay."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn, optim

from recircle.models.checkpoints import arc_parameters
from recircle.public import public
from recircle.torch_internals import BatchNorm

_NORMS = (BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


@public
@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """SGD or AdamW, with the paper's parameter groups.

    Weight decay acts on matrices and kernels only: any parameter with at most one dimension (biases, the scales and
    shifts of norms, also of norms that an ARC layer has taken in) is left alone.

    The published TSM scripts, which the ARC ones start from, do the same and more: biases of convolutions and
    linear layers learn at twice the rate (`bias_lr=2`; norms do not), and their option fc_lr5 gives the classifier
    five times the rate, hence its bias ten times (`head_lr=5, bias_lr=2`). Their first convolution has a rate of
    its own only for optical flow, which is not here.

    Attributes:
        kind: "sgd" or "adamw".
        lr: full learning rate of a step, for the whole batch; the schedule scales it.
        momentum: of SGD.
        nesterov: SGD's look-ahead.
        weight_decay: of every parameter with two dimensions or more.
        bias_lr: rate of the biases that do not belong to a norm, as a multiple of `lr`.
        head_lr: rate of the classifier, as a multiple of `lr`.
        arc_lr: rate of what ARC adds to a network (W^e, W^a and W^f), as a multiple of `lr`.
    """

    kind: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.01
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    bias_lr: float = 1.0
    head_lr: float = 1.0
    arc_lr: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("sgd", "adamw"):
            raise ValueError(f"optimiser.kind={self.kind!r} is not one of sgd, adamw")
        for name in ("lr", "bias_lr", "head_lr", "arc_lr"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"optimiser.{name}={value} must be a positive number")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"optimiser.momentum={self.momentum} must lie in [0, 1); the paper's is 0.9")
        if self.kind == "sgd" and self.nesterov and self.momentum == 0:
            raise ValueError("optimiser.nesterov=True needs momentum; set nesterov=False or momentum=0.9")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"optimiser.weight_decay={self.weight_decay} must be 0 or more")

    def build(self, model: nn.Module) -> optim.Optimizer:
        """Return the torch optimiser over the parameters of `model` that require gradients."""
        groups = parameter_groups(model, self)
        if self.kind == "sgd":
            return optim.SGD(groups, lr=self.lr, momentum=self.momentum, nesterov=self.nesterov)
        return optim.AdamW(groups, lr=self.lr)


def parameter_groups(model: nn.Module, config: Optimiser) -> list[dict[str, Any]]:
    """Split the trainable parameters of a model into groups of one rate and one decay each.

    Each group has the keys `params`, `weight_decay`, `lr` and `lr_scale`; the rate of a step is the schedule's times
    `lr_scale`. A module may have an attribute `lr_scale`, which multiplies the rate of its own parameters, and
    `decays = False`, which spares them from decay.

    Raises:
        ValueError: the classifier is to have a rate of its own, and the model has none under the name `fc`; or ARC is,
            and the model has none.
    """
    head = getattr(model, "fc", None)
    if config.head_lr != 1 and not isinstance(head, nn.Module):
        raise ValueError(
            f"optimiser.head_lr={config.head_lr} needs a classifier named `fc`; {type(model).__name__} has none"
        )
    named = dict(model.named_parameters())
    of_arc = {named[name] for name in arc_parameters(model)}
    if config.arc_lr != 1 and not of_arc:
        raise ValueError(f"optimiser.arc_lr={config.arc_lr} has no effect: {type(model).__name__} has no ARC layers")
    of_head = set(head.parameters()) if isinstance(head, nn.Module) else set()
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    seen: set[nn.Parameter] = set()
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter in seen or not parameter.requires_grad:
                continue
            seen.add(parameter)
            scale = config.head_lr if parameter in of_head else 1.0
            scale *= config.arc_lr if parameter in of_arc else 1.0
            scale *= getattr(module, "lr_scale", 1.0)
            if name == "bias" and not isinstance(module, _NORMS):
                scale *= config.bias_lr
            decays = parameter.ndim > 1 and getattr(module, "decays", True)
            decay = config.weight_decay if decays else 0.0
            groups.setdefault((scale, decay), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "lr": config.lr * scale, "lr_scale": scale}
        for (scale, decay), parameters in groups.items()
    ]


def set_lr(optimiser: optim.Optimizer, lr: float) -> None:
    """Give each parameter group its share of the learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group["lr_scale"]
