"""`recircle tables`: the paper's tables, with our figures beside the printed ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from recircle.cli.arguments import call
from recircle.cli.console import err, print_json, print_lines


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(tables, "tables", arguments)


def tables(
    number: Annotated[Literal[1, 2, 3, 4, 5], tyro.conf.Positional, tyro.conf.arg(metavar="NUMBER")],
    *,
    format: Literal["markdown", "json"] = "markdown",  # noqa: A002  (the option's name)
    measured: Path | None = None,
) -> int:
    """Print a table of the paper: its figures beside the parameters and multiply-adds counted here.

    Accuracies are the paper's. A remark says why where costs disagree by more than 2 %.

    Args:
        number: of the table, 1 to 5.
        format: markdown, or json.
        measured: also show what the runs in this folder have measured, with their protocol; a run belongs to a row of
            the same network, variant, frames, number of classes, and data set as `recircle index` named it.
    """
    from recircle.tables import TABLES, compare_table, find_measured, to_json, to_markdown

    table = TABLES[number]
    found = None if measured is None else find_measured(measured)
    with err.status("building and counting the networks"):
        compared = compare_table(table)
    if format == "json":
        print_json(to_json(table, compared, found))
    else:
        print_lines(to_markdown(table, compared, found))
    return 0
