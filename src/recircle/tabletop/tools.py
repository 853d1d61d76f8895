"""Flat tools that lie on the table, each with a heavy end, so that every angle looks different."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from recircle.tabletop.canvas import Canvas, Image, box_distance, capsule_distance, ellipse_distance
from recircle.tabletop.looks import Look

_FLAT = 0.72
"""The table's depth on the screen: one sees flat things more from above than the bodies' feet suggest."""


@dataclass(frozen=True)
class Tool:
    """A tool with its colours.

    Attributes:
        name: in the catalogue.
        length: from end to end, in frame widths.
        head: colour of the heavy end [3, 1, 1].
        handle: colour of the other [3, 1, 1].
    """

    name: str
    length: float
    head: Image
    handle: Image

    @classmethod
    def draw(cls, look: Look, length: float) -> "Tool":
        """Return a tool with random colours."""
        return cls(look.pick(look.catalogue.tools), length, look.colour(), look.colour())

    def head_at(self, x: float, y: float, angle: float) -> tuple[float, float]:
        """Return where the heavy end is when the light end is at (x, y)."""
        reach = 0.75 * self.length
        return x + reach * float(np.cos(angle)), y + _FLAT * reach * float(np.sin(angle))

    def paint(self, canvas: Canvas, x: float, y: float, angle: float) -> None:
        """Paint the tool with its light end at (x, y); at the angle 0 it points right, and angles grow clockwise."""
        middle = 0.45 * self.length
        x, y = x + middle * float(np.cos(angle)), y + _FLAT * middle * float(np.sin(angle))
        half = 0.62 * self.length
        if (window := canvas.window(x - half, y - half, x + half, y + half + 0.04)) is None:
            return
        cos, sin = float(np.cos(angle)) / self.length, float(np.sin(angle)) / self.length
        # three copies, from the shadow up to the surface, give the tool its thickness
        for lower, dark in ((0.03, None), (0.014, 0.55), (0.0, 1.0)):
            right, down = window.x - x, (window.y - y - lower) / _FLAT
            along, across = right * cos + down * sin, down * cos - right * sin
            head, handle = (part(along, across) * self.length for part in _PARTS[self.name])
            if dark is None:
                canvas.paint(window, np.minimum(head, handle) - 0.012, np.zeros((3, 1, 1), np.float32), 0.3)
            else:
                canvas.paint(window, handle, self.handle * np.float32(dark))
                canvas.paint(window, head, self.head * np.float32(dark))


_Part = Callable[[Image, Image], Image]


def _bar(start: float, end: float, radius: float) -> _Part:
    return lambda u, v: capsule_distance(u - start, v, end - start, 0.0, radius)


def _disc(at: float, a: float, b: float) -> _Part:
    return lambda u, v: ellipse_distance(u - at, v, a, b)


def _block(at: float, a: float, b: float, corner: float = 0.03) -> _Part:
    return lambda u, v: box_distance(u - at, v, a, b, corner)


def _wedge(start: float, end: float, half: float) -> _Part:
    """Return a triangle with its base at `start` and its point at `end`."""
    slope = half / (end - start)
    norm = 1 / float(np.hypot(1, slope))
    return lambda u, v: np.maximum(start - u, (np.abs(v) - slope * (end - u)) * norm)


def _ring(at: float, outer: float, inner: float) -> _Part:
    return lambda u, v: np.maximum(
        ellipse_distance(u - at, v, outer, outer), -ellipse_distance(u - at, v, inner, inner)
    )


_PARTS: MappingProxyType[str, tuple[_Part, _Part]] = MappingProxyType(
    {
        "hammer": (_block(0.36, 0.1, 0.26), _bar(-0.44, 0.3, 0.07)),
        "ladle": (_disc(0.32, 0.19, 0.15), _bar(-0.45, 0.2, 0.05)),
        "pan": (_disc(0.22, 0.28, 0.28), _bar(-0.45, 0.0, 0.06)),
        "arrow": (_wedge(0.1, 0.52, 0.26), _bar(-0.42, 0.1, 0.09)),
        "spade": (_wedge(0.52, 0.02, 0.24), _bar(-0.45, 0.1, 0.06)),
        "paddle": (_block(0.26, 0.24, 0.15, 0.08), _bar(-0.46, 0.1, 0.06)),
        "key": (_ring(0.28, 0.22, 0.09), _bar(-0.42, 0.12, 0.08)),
    }
)
