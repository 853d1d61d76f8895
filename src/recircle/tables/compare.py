"""What the network of a row costs here, and where that is not what the paper prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from recircle.models.cost import Cost, measure_cost
from recircle.models.registry import create_model
from recircle.tables.paper import Network, Row, Table

TOLERANCE = 0.02
"""Figures further apart than this share of the printed one disagree."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A row and what its network costs here.

    Attributes:
        row: of the paper.
        params: millions of parameters, for the row's number of classes.
        gmacs: billions of multiply-adds of one view; or of all views where the paper prints their sum.
    """

    row: Row
    params: float
    gmacs: float

    @property
    def params_off(self) -> float | None:
        """How far the parameters are from the printed ones, as a share of those; None where none are printed."""
        return _off(self.params, self.row.printed.params)

    @property
    def gmacs_off(self) -> float | None:
        """How far the GMACs are from the printed ones, as a share of those; None where none are printed."""
        return _off(self.gmacs, self.row.printed.gmacs)

    @property
    def only_rounded(self) -> bool:
        """Whether each figure that disagrees is what rounding to the printed digits makes of ours."""
        pairs = (
            (self.params, self.row.printed.params, self.params_off),
            (self.gmacs, self.row.printed.gmacs, self.gmacs_off),
        )
        disagreeing = [(ours, printed) for ours, printed, off in pairs if disagrees(off)]
        return bool(disagreeing) and all(f"{ours:.{_digits(printed)}f}" == printed for ours, printed in disagreeing)


def disagrees(off: float | None) -> bool:
    """Tell whether a difference, as a share, is a disagreement."""
    return off is not None and abs(off) > TOLERANCE


def compare(row: Row) -> Compared:
    """Measure the network of a row; nothing is computed and no memory is taken for its weights."""
    network = row.network
    cost = _cost(network.name, tuple(sorted(network.options.items())), row.classes, network.frames, network.size)
    return Compared(row=row, params=cost.params / 1e6, gmacs=cost.gmacs * network.summed_views)


def compare_table(table: Table) -> list[Compared]:
    """Measure all rows of a table."""
    return [compare(row) for row in table.rows]


def network_text(network: Network) -> str:
    """Return the input of a network in words: `8 x 224 px`."""
    return f"{network.frames} x {network.size} px"


@cache
def _cost(name: str, options: Sequence[tuple[str, object]], classes: int, frames: int, size: int) -> Cost:
    built: dict[str, Any] = dict(options)
    with torch.device("meta"):
        model = create_model(name, classes, **built).eval()
    return measure_cost(model, frames, size)


def _off(ours: float, printed: str) -> float | None:
    return ours / float(printed) - 1 if printed else None


def _digits(printed: str) -> int:
    return len(printed.partition(".")[2])
