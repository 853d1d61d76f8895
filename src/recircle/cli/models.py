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
    size: int | None = None,
    classes: int = 174,
) -> int:
    """List the networks by name.

    Args:
        pattern: only names that match, such as 'arc_*'.
        cost: also measure parameters, and multiply-adds of one view (takes some seconds).
        frames: of the view whose cost is measured; a network that cannot take so many is measured with the next number
            that it takes.
        size: pixels of its side; by default what the network's preprocessing crops.
        classes: of the network whose cost is measured.
    """
    from recircle.models.registry import list_models, model_summary

    at_least(1, frames=frames, size=1 if size is None else size, classes=classes)
    names = list_models(pattern)
    if not names:
        raise UserError(f"no network's name matches {pattern!r}; `recircle models` lists all")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    if cost:
        table.caption = f"{classes} classes; GMACs of one view"
        for title in ("params [M]", "GMACs", "of a view of"):
            table.add_column(title, justify="right", no_wrap=True)
    table.add_column("network")
    for name in names:
        table.add_row(name, *(_cost(name, classes, frames, size) if cost else ()), plain(model_summary(name)))
    print_table(table)
    return 0


def _cost(name: str, classes: int, frames: int, size: int | None) -> tuple[str, str, str]:
    """Return the cells of a network's cost."""
    import torch

    from recircle.models.cost import measure_cost
    from recircle.models.registry import create_model

    with torch.device("meta"):
        model = create_model(name, classes)
    frames, height = model.nearest_frames(frames), size or model.preprocessing.crop_size[0]
    try:
        measured = measure_cost(model, frames, height)
    except ValueError as error:
        # sides that its branches cannot take
        raise UserError(f"{name}: {error}") from None
    return f"{measured.params / 1e6:.2f}", f"{measured.gmacs:.1f}", f"{frames} x {height} px"
