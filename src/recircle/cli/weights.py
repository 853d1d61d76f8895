"""`recircle weights`: published weights that networks can start from."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from recircle.cli.arguments import call
from recircle.cli.console import out, plain, print_table

if TYPE_CHECKING:
    from recircle.models.weights.known import KnownWeights


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(weights, "weights", arguments)


def weights(
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[WEIGHTS | NETWORK]")] = "",
) -> int:
    """List published weights that training can start from, those of one network, or all that is known of some.

    `--model.pretrained` takes the name of weights, or of what they were trained on, such as imagenet or kinetics400:
    of several the first in this list is meant. They are fetched when they are first used, and checked each time.

    Args:
        name: of weights, which are explained then; or of a network, of which those that fit are listed. None lists all.
    """
    from recircle.models.registry import list_models
    from recircle.models.weights.table import get_weights, known_weights, weights_for

    if name and name not in list_models():
        for line in _explained(get_weights(name)):
            out.print(line)
        return 0
    rows = weights_for(name) if name else known_weights()
    if not rows:
        out.print(f"no weights are known for {name}; --model.pretrained FILE takes a file of yours")
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("weights", "of", "here", "size"):
        table.add_column(title, no_wrap=True)
    for title in ("licence", "top-1, as published", *(() if name else ("fit",))):
        table.add_column(title)
    for row in rows:
        cells = (row.name, row.data, "yes" if row.home.find() else "no", row.size, row.licence, row.accuracy)
        table.add_row(*map(plain, cells if name else (*cells, ", ".join(row.fits))))
    print_table(table)
    return 0


def _explained(row: "KnownWeights") -> Iterator[str]:
    from recircle.models.weights.table import weights_for

    yield f"{row.name}: trained on {row.data}"
    yield f"  fit: {', '.join(row.fits)}, and these with ARC"
    yield f"  from: {row.home.shown}"
    yield f"  licence: {row.licence}"
    yield f"  top-1: {row.accuracy}"
    yield f"  checksum: {row.checksum or 'none is published; that of the first use is kept'}"
    yield f"  size: {row.size or 'not stated'}"
    yield f"  as stated in: {row.stated}"
    if row.note:
        yield f"  note: {row.note}"
    here = row.home.find()
    yield f"  here: {here if here is not None else 'no'}"
    network = row.fits[0]
    first = next(other for other in weights_for(network) if other.data == row.data)
    yield f"use: --model.name {network} --model.pretrained {row.data if first is row else row.name}"
