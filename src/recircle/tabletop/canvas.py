"""Antialiased painting on a float image with numpy: shapes are signed distances, evaluated in a window around them."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating[Any]]
"""Either values of pixels [h, w], or colours, 0 to 255: [3, h, w], or [3, 1, 1] for one colour."""


class Window(NamedTuple):
    """A rectangle of the canvas: its pixels, and the scene coordinates of their centres.

    Attributes:
        pixels: view of the image [3, h, w]; painting writes to it.
        x: [1, w], in frame widths, to the right.
        y: [h, 1], in frame widths, downwards.
    """

    pixels: Image
    x: Image
    y: Image


@dataclass(frozen=True)
class Canvas:
    """One frame that is being painted.

    Scene coordinates are in frame widths, from the top left corner; `shift` moves the scene on the screen, which is how
    the camera shakes.

    Attributes:
        image: [3, H, W] float32, 0 to 255, painted in place; planes are several times faster here than pixels.
        shift: (x, y), in frame widths.
    """

    image: Image
    shift: tuple[float, float] = (0.0, 0.0)
    _x: Image = field(init=False, repr=False)
    _y: Image = field(init=False, repr=False)

    def __post_init__(self) -> None:
        height, width = self.image.shape[1:]
        x, y = (
            (np.arange(size, dtype=np.float32) + np.float32(0.5)) / self.scale - np.float32(shift)
            for size, shift in zip((width, height), self.shift)
        )
        object.__setattr__(self, "_x", x[None])
        object.__setattr__(self, "_y", y[:, None])

    @property
    def scale(self) -> int:
        """Pixels of one frame width."""
        return self.image.shape[2]

    def window(self, left: float, top: float, right: float, bottom: float) -> Window | None:
        """Return the part of the canvas that covers a rectangle, or None where it lies outside."""
        height, width = self.image.shape[1:]
        (dx, dy), scale = self.shift, self.scale
        x0 = max(0, int((left + dx) * scale) - 1)
        x1 = min(width, int((right + dx) * scale) + 2)
        y0 = max(0, int((top + dy) * scale) - 1)
        y1 = min(height, int((bottom + dy) * scale) + 2)
        if x0 >= x1 or y0 >= y1:
            return None
        return Window(self.image[:, y0:y1, x0:x1], self._x[:, x0:x1], self._y[y0:y1])

    def paint(self, window: Window, distance: Image, colour: Image, opacity: float = 1.0) -> None:
        """Paint a shape.

        Args:
            window: where.
            distance: [h, w], signed distance to the shape's edge in frame widths, negative inside.
            colour: [3, 1, 1], or [3, h, w] for a shape that is shaded.
            opacity: 1 hides what is behind.
        """
        cover = np.minimum(np.maximum(np.float32(0.5) - distance * np.float32(self.scale), 0), 1)
        if opacity != 1.0:
            cover *= np.float32(opacity)
        pixels = window.pixels
        pixels += cover * (colour - pixels)

    def ellipse(self, x: float, y: float, a: float, b: float, colour: Image, opacity: float = 1.0) -> None:
        """Paint an ellipse with the half axes `a` (across) and `b` (down)."""
        if window := self.window(x - a, y - b, x + a, y + b):
            self.paint(window, ellipse_distance(window.x - x, window.y - y, a, b), colour, opacity)

    def capsule(
        self, x0: float, y0: float, x1: float, y1: float, radius: float, colour: Image, opacity: float = 1.0
    ) -> None:
        """Paint a line with round ends."""
        window = self.window(min(x0, x1) - radius, min(y0, y1) - radius, max(x0, x1) + radius, max(y0, y1) + radius)
        if window:
            distance = capsule_distance(window.x - x0, window.y - y0, x1 - x0, y1 - y0, radius)
            self.paint(window, distance, colour, opacity)

    def shadow(self, x: float, y: float, a: float, b: float, strength: float = 0.45) -> None:
        """Darken a soft ellipse with the half axes `a` and `b`."""
        if window := self.window(x - a, y - b, x + a, y + b):
            light = np.maximum(1 - ((window.x - x) / a) ** 2 - ((window.y - y) / b) ** 2, 0)
            pixels = window.pixels
            pixels *= 1 - np.float32(strength) * light * (2 - light)


def ellipse_distance(x: Image, y: Image, a: float, b: float) -> Image:
    """Return about the signed distance to an ellipse around 0; exact to first order at its edge."""
    a, b = max(a, 1e-4), max(b, 1e-4)
    u, v = x / a, y / b
    inner = np.sqrt(u * u + v * v)
    slope = np.sqrt((u / a) ** 2 + (v / b) ** 2)
    return inner * (inner - 1) / np.maximum(slope, np.float32(1e-3))


def capsule_distance(x: Image, y: Image, dx: float, dy: float, radius: float) -> Image:
    """Return the signed distance to a line from 0 to (dx, dy) with round ends."""
    norm = max(dx * dx + dy * dy, 1e-9)
    along = np.minimum(np.maximum(x * (dx / norm) + y * (dy / norm), 0), 1)
    return np.hypot(x - along * dx, y - along * dy) - np.float32(radius)


def box_distance(x: Image, y: Image, a: float, b: float, corner: float = 0.0) -> Image:
    """Return the signed distance to a rectangle around 0 with the half sides `a` and `b` and rounded corners."""
    u, v = np.abs(x) - np.float32(a - corner), np.abs(y) - np.float32(b - corner)
    outside = np.hypot(np.maximum(u, 0), np.maximum(v, 0))
    return outside + np.minimum(np.maximum(u, v), 0) - np.float32(corner)
