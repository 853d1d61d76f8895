"""The recipes by name. They are the rows of the modules in `recircle.recipes.rows`, which are found by themselves."""

import difflib
import importlib
import pkgutil
import warnings
from functools import cache
from typing import TYPE_CHECKING

from recircle.errors import UserError
from recircle.public import public
from recircle.recipes import rows
from recircle.recipes.recipe import Recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig


@public
def list_recipes() -> list[str]:
    """Return the names of all recipes, in alphabetical order."""
    return sorted(_recipes())


@public
def get_recipe(name: str) -> Recipe:
    """Return the recipe of that name; its `description` has command, hardware, time and expected metric.

    The name of a network has a recipe too: one for clips of one's own.

    Raises:
        UserError: there is no such recipe or network; the message has the names that come close.
    """
    recipes = _recipes()
    if name not in recipes:
        from recircle.models import list_models
        from recircle.models.hosts.source import is_host
        from recircle.recipes.hosts import host_recipe
        from recircle.recipes.own import own_recipe

        if is_host(name):
            return host_recipe(name)
        if name in list_models():
            return own_recipe(name)
        near = difflib.get_close_matches(name, list_models(), n=3, cutoff=0.8)
        close = near or difflib.get_close_matches(name, recipes, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(close)}?" if close else "`recircle recipes` lists them all."
        raise UserError(
            f"there is no recipe {name!r}; {hint} A network of your own is known once the module that registers it is "
            "imported (--import MODULE on the command line)"
        )
    return recipes[name]


@public
def register_recipe(recipe: Recipe) -> None:
    """Make a recipe known by its name.

    Raises:
        ValueError: another recipe has that name.
    """
    if recipe.name in _recipes():
        raise ValueError(f"there is a recipe {recipe.name!r} already; give this one another name")
    _recipes()[recipe.name] = recipe


def warn_from_scratch(recipe: Recipe, config: "TrainConfig") -> None:
    """Warn if a config made by a recipe starts from scratch, but the recipe's figure rests on pretrained weights."""
    if recipe.weights is not None and config.model.pretrained is None:
        warnings.warn(
            f"{recipe.name} starts from scratch, but the figure of the paper rests on pretrained weights and will not "
            f"be reached; give them, --model.pretrained {recipe.weights}",
            stacklevel=2,
        )


def check_version(recipe: Recipe, config: "TrainConfig") -> None:
    """Refuse clips of another version of the recipe's data set; clips of one's own and other data sets may be.

    Raises:
        UserError: the manifest cannot be read, or it is of another version.
    """
    from recircle.manifest.manifest import Manifest

    wanted = recipe.data.version
    if wanted is None:
        return
    family = wanted.rpartition("_")[0] + "_"
    for found in Manifest.read(config.data.manifest).datasets:
        if found != wanted and found.startswith(family):
            raise UserError(
                f"{config.data.manifest} is of {found}, and {recipe.name} is of {wanted}; results of the two must not "
                f"be mixed, so index with --layout {wanted}, or take a recipe of {found}"
            )


@cache
def _recipes() -> dict[str, Recipe]:
    found: dict[str, Recipe] = {}
    for module in pkgutil.iter_modules(rows.__path__):
        for recipe in importlib.import_module(f"{rows.__name__}.{module.name}").RECIPES:
            if recipe.name in found:
                raise ValueError(f"two recipes are called {recipe.name}; the other is in {module.name}.py")
            found[recipe.name] = recipe
    return found
