"""`recircle recipes`: the training recipes that there are."""

from collections.abc import Sequence
from typing import Annotated

import tyro
from rich.table import Table

from recircle.cli.arguments import call
from recircle.cli.console import plain, print_lines, print_table


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(recipes, "recipes", arguments)


def recipes(name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")] = "") -> int:
    """List the training recipes, or explain one: command, hardware, time, expected result.

    Args:
        name: the recipe to explain; none lists all.
    """
    from recircle.recipes.registry import get_recipe, list_recipes

    if name:
        print_lines(get_recipe(name).description)
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("recipe")
    for known in list_recipes():
        table.add_row(known, plain(get_recipe(known).headline))
    print_table(table)
    return 0
