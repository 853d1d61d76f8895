"""How many epochs still fit into the time that a run was given."""

import math
import sys
from dataclasses import dataclass
from time import monotonic

_FIRST = 0.5
"""Which part of the first epoch a later one is taken to need: in the first, processes start and caches fill."""


@dataclass
class Deadline:
    """A moment by which a run is to end, judged by how long its epochs take.

    Attributes:
        at: on the monotonic clock, in seconds; infinity is no limit.
        began: when the first epoch, or once it is done the second one, began; likewise.
        epochs: how many are done.
    """

    at: float
    began: float
    epochs: int = 0

    @classmethod
    def after(cls, minutes: float | None) -> "Deadline":
        """Return the one that lies so many minutes from now; None is no limit."""
        now = monotonic()
        return cls(now + 60 * minutes if minutes is not None else math.inf, now)

    def epochs_left(self) -> int:
        """Return how many more epochs fit, now that one has ended."""
        now = monotonic()
        self.epochs += 1
        if self.epochs == 1:
            took, self.began = _FIRST * (now - self.began), now
        else:
            took = (now - self.began) / (self.epochs - 1)
        if math.isinf(self.at):
            return sys.maxsize // 2
        return max(0, math.floor((self.at - now) / max(took, 1e-9)))
