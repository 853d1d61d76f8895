"""Which part of a network learns: all, the classifier, the last stages, or low-rank changes; less what is frozen."""

import re
from collections.abc import Collection, Iterator, Sequence

from torch import nn

from recircle.errors import UserError
from recircle.models.base import VideoModel
from recircle.models.checkpoints import arc_parameters
from recircle.training.frozen import freeze_parts
from recircle.training.lora import Lora, add_lora

_LAST = re.compile(r"last-([1-9]\d*)")


def check_trainable(trainable: str) -> None:
    """Insist on one of the words that say what learns.

    Raises:
        ValueError: it is none.
    """
    if trainable not in ("all", "head", "lora") and not _LAST.fullmatch(trainable):
        raise ValueError(f"trainable={trainable!r} is not one of all, head, lora, or last-N such as last-2")


def choose_trainable(
    model: VideoModel, trainable: str, lora: Lora, freeze: Collection[str] = ()
) -> Sequence[nn.Module]:
    """Take the rest of a network out of training, in place, and return its modules.

    Their norms keep their statistics, and their dropout is off, only if `train_mode` sets the model's mode. Called a
    second time, it does the same.

    Args:
        model: the network.
        trainable: "all"; "head", the classifier; "last-N", the classifier, the last N stages, and what lies between;
            or "lora", the classifier, low-rank changes of the other layers, and the matrices of ARC layers.
        lora: how large these changes are.
        freeze: names of parts that do not learn either, see `freeze_parts`.

    Raises:
        UserError: the network has no such part, or nothing is left to train.
    """
    last = _LAST.fullmatch(trainable)
    if trainable == "head":
        _only(model, _head(model, trainable))
    elif trainable == "lora":
        learning = _head(model, trainable) | arc_parameters(model)
        add_lora(model, lora)
        for name in learning:
            model.get_parameter(name).requires_grad_(True)
    elif last:
        _only_last(model, int(last[1]))
    still = [] if trainable == "all" else list(_still(model))
    return [*still, *freeze_parts(model, freeze)]


def _head(model: VideoModel, trainable: str) -> set[str]:
    head = getattr(model, "fc", None)
    inside = set(head.parameters()) if isinstance(head, nn.Module) else set()
    names = {name for name, parameter in model.named_parameters() if parameter in inside}
    if not names:
        raise UserError(f"trainable={trainable}: the classifier of {model.name} is not known; freeze parts by name")
    return names


def _only(model: nn.Module, names: Collection[str]) -> None:
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)


def _only_last(model: VideoModel, count: int) -> None:
    """Let the parameters learn that come with the last stages or behind them."""
    stages = model.stages
    if not stages:
        raise UserError(
            f"trainable=last-{count}: {model.name} has trunks beside one another, so that none of its stages is the "
            "last; freeze parts by name"
        )
    if count > len(stages):
        raise UserError(f"trainable=last-{count}: {model.name} has {len(stages)} stages, {stages[0]} to {stages[-1]}")
    # parameters are registered in the order in which a clip meets them
    names = [name for name, _ in model.named_parameters()]
    first = next(index for index, name in enumerate(names) if name.startswith(f"{stages[-count]}."))
    _only(model, {*names[first:], *_head(model, f"last-{count}")})


def _still(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the largest modules of which no parameter learns."""
    for child in module.children():
        parameters = list(child.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            yield child
        else:
            yield from _still(child)
