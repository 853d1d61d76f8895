"""The names of the recipes. A recipe is a plain function from a manifest's path to the config of a training run."""

import difflib
import importlib
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from recircle.errors import UserError

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

RecipeFunction = Callable[[Path], "TrainConfig"]
F = TypeVar("F", bound=RecipeFunction)

_MODULES = (
    "something",
    "diving48",
    "kinetics400",
    "jester",
    "ucf101",
    "hmdb51",
    "finegym",
    "miracl",
    "ut_interaction",
    "tabletop",
    "tsn",
    "trn",
    "tsm",
    "gsm",
    "msnet",
    "tea",
    "rubiksnet",
    "abm",
    "corrnet",
    "i3d",
    "slowfast",
    "timesformer",
)


@dataclass(frozen=True)
class _Recipe:
    make: RecipeFunction
    weights: str | None
    dataset: str | None


_RECIPES: dict[str, _Recipe] = {}


def recipe(*, notes: str = "", weights: str | None = None, dataset: str | None = None) -> Callable[[F], F]:
    """Make a recipe known under the name of its function.

    Modules of recipes import nothing heavy at their top, so that the names and the docstrings are there at once.

    Args:
        notes: what holds for all recipes of a data set; it is added to the docstring.
        weights: the weight file that the expected metric rests on, for a recipe whose default is to start from
            scratch because the file has to be downloaded by hand.
        dataset: what a manifest has to call its data set, where there are other versions whose results must not stand
            under the name of this recipe, such as "diving48_v1".
    """

    def register(make: F) -> F:
        name = make.__name__
        assert name not in _RECIPES, f"two recipes are called {name}"
        assert make.__doc__, f"{name} has no docstring"
        make.__doc__ = "\n\n".join(part for part in (inspect.getdoc(make), inspect.cleandoc(notes)) if part)
        _RECIPES[name] = _Recipe(make, weights, dataset)
        return make

    return register


def list_recipes() -> list[str]:
    """Return the names of all recipes, in alphabetical order."""
    return sorted(_recipes())


def get_recipe(name: str) -> RecipeFunction:
    """Return the recipe of that name; its docstring has command, hardware, time and expected metric.

    Raises:
        UserError: there is no such recipe; the message has the names that come close.
    """
    return _find(name).make


def weights_of(name: str) -> str | None:
    """Return the weight file that a recipe's figure rests on, None for a recipe that needs none by hand.

    Raises:
        UserError: there is no such recipe.
    """
    return _find(name).weights


def warn_from_scratch(name: str, config: "TrainConfig") -> None:
    """Warn if a config made by a recipe starts from scratch although the recipe's figure rests on pretrained weights.

    Raises:
        UserError: there is no such recipe.
    """
    weights = _find(name).weights
    if weights is not None and config.model.pretrained is None:
        warnings.warn(
            f"{name} starts from scratch, but the figure of the paper rests on pretrained weights and will not be "
            f"reached; give the published file, --model.pretrained {weights}",
            stacklevel=2,
        )


def check_version(name: str, config: "TrainConfig") -> None:
    """Refuse clips of another version of the recipe's data set; clips of one's own and other data sets may be.

    Raises:
        UserError: there is no such recipe, the manifest cannot be read, or it is of another version.
    """
    from recircle.data.manifest import Manifest

    wanted = _find(name).dataset
    if wanted is None:
        return
    family = wanted.rpartition("_")[0] + "_"
    for found in Manifest.read(config.data.manifest).datasets:
        if found != wanted and found.startswith(family):
            raise UserError(
                f"{config.data.manifest} is of {found}, and {name} is of {wanted}; results of the two must not be "
                f"mixed, so index with --layout {wanted}, or take a recipe of {found}"
            )


def _find(name: str) -> _Recipe:
    recipes = _recipes()
    if name not in recipes:
        close = difflib.get_close_matches(name, recipes, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(close)}?" if close else "`recircle recipes` lists them"
        raise UserError(f"there is no recipe {name!r}; {hint}")
    return recipes[name]


@cache
def _recipes() -> dict[str, _Recipe]:
    for module in _MODULES:
        importlib.import_module(f"recircle.recipes.{module}")
    return _RECIPES
