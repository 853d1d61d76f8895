"""Where networks of one's own come from: modules that are imported by name, and packages that announce theirs."""

import importlib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from torch import nn

from recircle.errors import UserError

GROUP = "recircle.models"
"""The entry-point group in which an installed package names its networks, or modules that register them."""


def import_networks(module: str) -> None:
    """Import a module, whose code then registers its networks.

    Args:
        module: its name, such as "my_package.networks".

    Raises:
        UserError: there is none of that name, or its code fails.
    """
    if module.endswith(".py") or not all(part.isidentifier() for part in module.split(".")):
        stem = module.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
        hint = f", such as {stem}" if stem.isidentifier() else ""
        raise UserError(f"{module!r} is not the name of a module{hint}; give it as an import statement would")
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise UserError(
                f"the module {module!r} is not found: install its package, name its folder in the environment variable "
                f"PYTHONPATH, or run the command in that folder with --import {module}"
            ) from None
        raise UserError(f"the module {module!r} needs {error.name!r}, which is not installed") from error
    except UserError as error:
        raise UserError(f"the module {module!r} cannot be imported: {error}") from error
    except SystemExit:
        raise UserError(
            f"the module {module!r} ends the program when it is imported, as a script does; put what it runs under "
            "`if __name__ == '__main__':`"
        ) from None
    except Exception as error:
        raise UserError(f"the module {module!r} cannot be imported: {type(error).__name__}: {error}") from error


def announced() -> list[EntryPoint]:
    """Return what installed packages announce in the entry-point group, by name.

    An entry point is a function or class that builds a network, or a module that registers networks when it is
    imported.
    """
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def load_announced(point: EntryPoint) -> Callable[..., nn.Module] | None:
    """Import an entry point; return the function that it names, or None for a module, which has registered its own.

    Raises:
        UserError: it cannot be imported, or names something else.
    """
    import_networks(point.module)
    if not point.attr:
        return None
    try:
        found = point.load()
    except AttributeError as error:
        raise UserError(f"the module {point.module!r} has no {point.attr!r}: {error}") from None
    if not callable(found):
        raise UserError(f"{point.value} is a {type(found).__name__}, and no function that builds a network")
    return cast(Callable[..., nn.Module], found)


def where(point: EntryPoint) -> str:
    """Return in words who announces it."""
    return f"{point.value}, announced by {point.dist.name if point.dist is not None else 'an installed package'}"
