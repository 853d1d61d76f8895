"""When things happen in a clip. Time runs from 0 (first frame) to 1 (last frame)."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """A stretch of a clip.

    Attributes:
        start: its first moment.
        end: its last moment.
    """

    start: float
    end: float

    def ease(self, time: float) -> float:
        """Return how far a movement over this stretch has come: 0 before, 1 after, smooth between."""
        share = min(max((time - self.start) / max(self.end - self.start, 1e-6), 0.0), 1.0)
        return share * share * (3 - 2 * share)

    def split(self, *parts: float) -> "tuple[Span, ...]":
        """Return consecutive stretches whose lengths are in proportion to `parts`."""
        ends = np.cumsum((0.0, *parts)) / sum(parts) * (self.end - self.start) + self.start
        return tuple(Span(float(a), float(b)) for a, b in pairwise(ends))


def draw_span(rng: np.random.Generator, shortest: float, longest: float, latest: float = 0.98) -> Span:
    """Return a stretch of random length that ends at a random moment up to `latest`."""
    length = float(rng.uniform(shortest, longest))
    start = float(rng.uniform(0.02, latest - length))
    return Span(start, start + length)


def reach(time: float, contact: Span, travel: float = 0.12) -> float:
    """Return how far away a hand is that touches something during `contact`: 0 is there, 1 is out of sight."""
    coming = Span(contact.start - travel, contact.start).ease(time)
    leaving = Span(contact.end, contact.end + travel).ease(time)
    return 1 - coming + leaving
