"""A config as the options that make it from a recipe's, on the command line of `recircle train`."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from itertools import chain
from typing import Any

from recircle.arc.config import ArcConfig
from recircle.fit.prepare import plain_network, with_view
from recircle.training.config import TrainConfig

_NO_OPTIONS = ("module", "given", "host")
"""Fields of a network's config that follow from its name."""


def options_from(recipe: TrainConfig, wanted: TrainConfig) -> list[str]:
    """Return the options that `recircle train RECIPE` needs to train with a config.

    Args:
        recipe: what the recipe gives for the same clips.
        wanted: the config.
    """
    # what a recipe leaves to the network is filled in as the command does it
    if recipe.data.preprocessing is None and wanted.data.preprocessing is not None:
        network = replace(recipe.model, name=wanted.model.name, arc=None, options={})
        recipe = with_view(recipe, plain_network(network).preprocessing)
    if recipe.model.arc is None and wanted.model.arc is not None:
        recipe = replace(recipe, model=replace(recipe.model, name=wanted.model.name, arc=ArcConfig.paper()))
        return ["--model.name", wanted.model.name, *_differences(recipe, wanted)]
    return list(_differences(recipe, wanted))


def _differences(before: Any, after: Any, prefix: str = "") -> Iterator[str]:
    for field in fields(after):
        if field.name in _NO_OPTIONS:
            continue
        old, new = getattr(before, field.name), getattr(after, field.name)
        name = f"{prefix}{field.name.replace('_', '-')}"
        if old == new:
            continue
        if is_dataclass(new) and type(old) is type(new):
            yield from _differences(old, new, f"{name}.")
        elif isinstance(new, bool):
            yield f"--{name}" if new else f"--{prefix}no-{field.name.replace('_', '-')}"
        elif isinstance(new, tuple):
            yield from (f"--{name}", *map(str, new))
        elif isinstance(new, dict):
            yield from (f"--{name}", *map(str, chain(*new.items())))
        else:
            yield from (f"--{name}", str(new))
