"""Recursive fusion (Eq. 5): the sum of all features so far, each times its columns of W^f."""

from torch import Tensor

from recircle.arc.clip_dims import ClipDims, part
from recircle.arc.steps import Steps


class RunningSum:
    """sum_{i <= j} W_i z_i: each step adds its own term, unless it reads other rows than the step before."""

    def __init__(self, matrix: Tensor, clip_dims: ClipDims, steps: Steps) -> None:
        self._columns = matrix.split(steps.width, dim=1)
        self._clip_dims = clip_dims
        self._terms: list[Tensor] = []
        self._added = 0
        self._rows: tuple[int, int] | None = None
        self._total: Tensor | None = None

    def add(self, term: Tensor) -> None:
        """Take z_j, the next term."""
        self._terms.append(term)

    def at(self, rows: tuple[int, int]) -> Tensor:
        """Return the sum for the given rows of W: the first, and how many."""
        if rows != self._rows:
            self._rows, self._added, self._total = rows, 0, None
        start, length = rows
        for i in range(self._added, len(self._terms)):
            term, column = self._terms[i], part(self._columns[i], 0, start, length)
            first, onto = self._clip_dims.pointwise, self._clip_dims.pointwise_onto
            self._total = first(term, column) if self._total is None else onto(self._total, term, column)
        self._added = len(self._terms)
        assert self._total is not None
        return self._total
