"""Parts of a network that stay as they are while the rest learns."""

from collections.abc import Collection, Sequence

from torch import nn

from recircle.arc.module import ArcLayer
from recircle.errors import UserError
from recircle.words import counted

_SHOWN = 12


def freeze_parts(model: nn.Module, names: Collection[str]) -> Sequence[nn.Module]:
    """Take parts of a network out of training and return their modules.

    Their norms keep their statistics, and their dropout is off, only if `train_mode` sets the model's mode.

    Args:
        model: the network; its parameters are changed in place.
        names: modules or parameters as the network calls them; a module stands for all that is below it.

    Raises:
        UserError: the network has no part of a name, or nothing is left to train.
    """
    modules, parameters = dict(model.named_modules()), dict(model.named_parameters())
    found: list[nn.Module] = []
    for name in names:
        if name in parameters:
            parameters[name].requires_grad_(False)
        elif name and name in modules:
            found.append(modules[name].requires_grad_(False))
        else:
            raise UserError(
                f"freeze: {type(model).__name__} has no part {name!r}; it has {_parts(model, name)}, and what is below"
            )
    if names and not any(parameter.requires_grad for parameter in model.parameters()):
        raise UserError(f"freeze={' '.join(names)} leaves nothing to train; freeze fewer parts")
    return found


def tell_frozen(model: nn.Module) -> list[str]:
    """Return what is frozen of a network, as lines for the person who trains it."""
    frozen = [parameter for parameter in model.parameters() if not parameter.requires_grad]
    if not frozen:
        return []
    numbers = sum(parameter.numel() for parameter in frozen)
    share = numbers / sum(parameter.numel() for parameter in model.parameters())
    lines = [f"frozen: {share:.0%} of the parameters"]
    layers = [module for module in model.modules() if isinstance(module, ArcLayer)]
    still = sum(not any(parameter.requires_grad for parameter in layer.parameters()) for layer in layers)
    if still:
        lines.append(
            f"{still} of the {counted(len(layers), 'ARC layer')} are frozen: unless the weights at the start are of a "
            "trained ARC network, they compute what plain layers do"
        )
    return lines


def _parts(model: nn.Module, name: str) -> str:
    """Return the parts of the network, or of the longest beginning of the name that it does have."""
    modules = dict(model.named_modules())
    above = name
    while above and above not in modules:
        above = above.rpartition(".")[0]
    prefix = f"{above}." if above else ""
    children = [prefix + child for child, _ in modules[above].named_children()]
    return ", ".join(children[:_SHOWN]) + (f" and {len(children) - _SHOWN} more" if len(children) > _SHOWN else "")
