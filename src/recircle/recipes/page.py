"""The page docs/recipes.md, rendered from the recipes: `python -m recircle.recipes.page > docs/recipes.md`."""

import sys
from collections.abc import Iterator

from recircle.recipes.recipe import Recipe
from recircle.recipes.registry import get_recipe, list_recipes

_TOP = """# Recipes

A recipe is a training run by name. `recircle recipes NAME` has its commands, settings, weights, hardware and expected
figures; `recircle train NAME --data MANIFEST` trains it. None of the paper's figures below was reproduced by this
project. This page is written by `python -m recircle.recipes.page > docs/recipes.md`, which `make docs` runs.
"""
_HEADER = """
| recipe | network | views | weights | top-1 in the paper |
|---|---|---|---|---|"""


def render() -> str:
    """Return the page in Markdown: a table for each data set."""
    return _TOP + "".join(f"{line}\n" for line in _lines([get_recipe(name) for name in list_recipes()]))


def _lines(recipes: list[Recipe]) -> Iterator[str]:
    for data in dict.fromkeys(recipe.data for recipe in recipes):
        yield f"\n## {data.title}\n\n`{data.prepare}`"
        yield _HEADER
        for recipe in recipes:
            if recipe.data is data:
                weights = f"`{recipe.weights}`" if recipe.weights else ""
                paper = f"{recipe.paper.top1} ({recipe.paper.where})" if recipe.paper else ""
                yield f"| `{recipe.name}` | {recipe.title} | {recipe.views or ''} | {weights} | {paper} |"


if __name__ == "__main__":
    sys.stdout.write(render())
