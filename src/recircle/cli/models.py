"""`recircle models`: the networks that there are."""

from collections.abc import Sequence
from typing import Annotated

import tyro
from rich.table import Table

from recircle.cli.arguments import at_least, call
from recircle.cli.console import plain, print_table
from recircle.errors import UserError


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(models, "models", arguments)


def models(
    pattern: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PATTERN")] = "*",
    *,
    cost: bool = False,
    frames: int = 8,
    size: int = 224,
    classes: int = 174,
) -> int:
    """List the networks by name.

    Args:
        pattern: only names that match, such as 'arc_*'.
        cost: also measure parameters, and multiply-adds of one view (takes some seconds).
        frames: of the view whose cost is measured.
        size: pixels of its side.
        classes: of the network whose cost is measured.
    """
    from recircle.models.registry import create_model, list_models, model_summary

    at_least(1, frames=frames, size=size, classes=classes)
    names = list_models(pattern)
    if not names:
        raise UserError(f"no network's name matches {pattern!r}; `recircle models` lists all")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    if cost:
        table.caption = f"{classes} classes; GMACs of one view of {frames} frames of {size} x {size} px"
        for title in ("params [M]", "GMACs"):
            table.add_column(title, justify="right", no_wrap=True)
    table.add_column("network")
    for name in names:
        numbers: list[str] = []
        if cost:
            from recircle.models.cost import measure_cost

            measured = measure_cost(create_model(name, classes), frames, size)
            numbers = [f"{measured.params / 1e6:.2f}", f"{measured.gmacs:.1f}"]
        table.add_row(name, *numbers, plain(model_summary(name)))
    print_table(table)
    return 0
