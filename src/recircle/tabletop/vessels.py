"""A glass that shows how full it is, the jug over it, and what lands beside it."""

from dataclasses import dataclass, replace

import numpy as np

from recircle.tabletop.canvas import Canvas, Image, ellipse_distance
from recircle.tabletop.looks import Look
from recircle.tabletop.solids import PROFILES, SLANT, Outline, Solid

_WHITE = np.full((3, 1, 1), 255, np.float32)


@dataclass(frozen=True)
class Glass:
    """A glass and the liquid for it.

    Attributes:
        outline: its size.
        liquid: colour [3, 1, 1].
    """

    outline: Outline
    liquid: Image

    @classmethod
    def draw(cls, look: Look, height: float) -> "Glass":
        """Return a glass of random shape, `height` frame widths high."""
        return cls(Outline.of(PROFILES[look.pick(look.catalogue.glasses)], height), look.colour(look.catalogue.liquids))

    @property
    def height(self) -> float:
        """In frame widths."""
        return self.outline.top[0]

    def paint(self, canvas: Canvas, x: float, y: float, level: float) -> None:
        """Paint the glass with its foot at (x, y), filled to `level` of its height."""
        reach = self.outline.reach
        if (window := canvas.window(x - reach, y - reach, x + reach, y + reach)) is None:
            return
        right, up = np.broadcast_arrays(window.x - x, y - window.y)
        distance = self.outline.distance(right, up, self.outline.width(up))
        canvas.paint(window, distance, _WHITE, 0.22)
        surface, radius = level * self.height, self._radius(level)
        face = ellipse_distance(right, up - surface, radius, SLANT * radius)
        if level > 0.02:
            body = np.maximum(distance + 0.012, np.minimum(up - surface, face))
            canvas.paint(window, body, self.liquid * np.float32(0.85), 0.92)
            canvas.paint(window, face + 0.008, np.minimum(self.liquid * 1.15 + 20, 255), 0.92)
        rim = ellipse_distance(right, up - self.height, self.outline.top[1], SLANT * self.outline.top[1])
        canvas.paint(window, np.maximum(distance, -distance - 0.016), _WHITE, 0.5)
        canvas.paint(window, np.maximum(rim, -rim - 0.014), _WHITE, 0.7)

    def _radius(self, level: float) -> float:
        low, high = self.outline.foot, self.outline.top[1]
        return low + (high - low) * level - 0.01

    def puddle(self, canvas: Canvas, x: float, y: float, size: float) -> None:
        """Paint spilled liquid on the table around the foot at (x, y); `size` is 0 (none) to 1."""
        if size > 0.02:
            a = 0.06 + 0.24 * size
            canvas.ellipse(x, y + 0.02 + 0.02 * size, a, a * SLANT * 1.2, self.liquid * np.float32(0.8), 0.9)
            canvas.ellipse(x - 0.2 * a, y + 0.02, 0.5 * a, 0.4 * a * SLANT, np.minimum(self.liquid + 40, 255), 0.5)


@dataclass(frozen=True)
class Jug:
    """A jug that can be tilted.

    Attributes:
        body: its solid.
        side: -1 where it is to the left of the glass, 1 to the right.
    """

    body: Solid
    side: int

    @classmethod
    def draw(cls, look: Look, height: float) -> "Jug":
        """Return a jug of random shape and side."""
        body = Solid.draw(look, look.catalogue.jugs, height)
        return cls(replace(body, profile=replace(body.profile, hollow=True)), int(look.rng.choice((-1, 1))))

    def paint(self, canvas: Canvas, x: float, y: float, tilt: float) -> None:
        """Paint the jug with its mouth at (x, y) when tilted by `tilt` radians towards the glass."""
        foot_x, foot_y = self.foot(x, y, tilt)
        self.body.paint(canvas, foot_x, foot_y, -self.side * tilt)

    def foot(self, x: float, y: float, tilt: float) -> tuple[float, float]:
        """Return where the foot of the untilted jug is when its mouth is at (x, y)."""
        height, radius = self.body.outline.top
        cos, sin = float(np.cos(tilt)), float(np.sin(tilt))
        # the mouth is the rim's point nearest to the glass, turned about the middle of the axis
        toward, up = radius * cos + 0.5 * height * sin, -radius * sin + 0.5 * height * cos
        return x + self.side * toward, y + up + 0.5 * height
