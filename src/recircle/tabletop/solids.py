"""Upright solids: bodies of revolution seen from above at a slant, drawn from a profile of radii."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recircle.tabletop.canvas import Canvas, Image, Window, ellipse_distance
from recircle.tabletop.looks import Look

SLANT = 0.36
"""How high a circle on the table is on the screen, as a part of its width."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The side of a body: (height, radius) from the foot to the top, in parts of its height.

    Attributes:
        points: corner points of the side.
        hollow: whether one looks into it from above.
        square: a body with flat sides, drawn with one edge towards the camera instead of a smooth shade.
    """

    points: tuple[tuple[float, float], ...]
    hollow: bool = False
    square: bool = False


def _arc(start: float, end: float, radius: float, stretch: float = 1.0) -> tuple[tuple[float, float], ...]:
    """Return points of a ball's profile between two angles; 0 is its foot and pi its top."""
    return tuple((stretch * (1 - np.cos(angle)) / 2, radius * np.sin(angle)) for angle in np.linspace(start, end, 9))


PROFILES: MappingProxyType[str, Profile] = MappingProxyType(
    {
        "can": Profile(points=((0, 0.42), (1, 0.42))),
        "ball": Profile(points=_arc(0.5, np.pi, 0.5)),
        "block": Profile(points=((0, 0.5), (1, 0.5)), square=True),
        "mug": Profile(points=((0, 0.42), (0.1, 0.46), (1, 0.46)), hollow=True),
        "bottle": Profile(points=((0, 0.36), (0.55, 0.36), (0.75, 0.14), (1, 0.14))),
        "cone": Profile(points=((0, 0.52), (1, 0.06))),
        "egg": Profile(points=((0, 0.2), (0.15, 0.38), (0.35, 0.44), (0.6, 0.38), (0.85, 0.22), (1, 0.02))),
        "vase": Profile(points=((0, 0.24), (0.35, 0.44), (0.8, 0.2), (1, 0.3)), hollow=True),
        "house": Profile(points=((0, 0.48), (0.55, 0.48), (1, 0.05)), square=True),
        "bowl": Profile(points=((0, 0.62), (0.5, 0.56), (0.85, 0.36), (1, 0.26))),
        "pail": Profile(points=((0, 0.58), (1, 0.42))),
        "bell": Profile(points=((0, 0.66), (0.1, 0.54), (0.6, 0.42), (0.9, 0.3), (1, 0.1))),
        "tub": Profile(points=((0, 0.56), (0.8, 0.56), (1, 0.44)), square=True),
        "pitcher": Profile(points=((0, 0.36), (0.4, 0.4), (0.8, 0.28), (1, 0.34)), hollow=True),
        "carton": Profile(points=((0, 0.34), (1, 0.34)), hollow=True, square=True),
        "kettle": Profile(points=((0, 0.46), (0.5, 0.44), (0.9, 0.24), (1, 0.24)), hollow=True),
        "tumbler": Profile(points=((0, 0.36), (1, 0.42)), hollow=True),
        "beaker": Profile(points=((0, 0.42), (1, 0.42)), hollow=True),
        "goblet": Profile(points=((0, 0.26), (0.25, 0.4), (1, 0.46)), hollow=True),
        "flute": Profile(points=((0, 0.3), (0.5, 0.38), (1, 0.36)), hollow=True),
    }
)


@dataclass(frozen=True)
class Outline:
    """The outline of a body of revolution on the screen, as its half width over the height above its foot.

    Attributes:
        heights: of the table below, rising, in frame widths.
        widths: half width at each.
        steepness: cosine of the angle between the outline and the vertical, at each.
        top: (height, radius) of the top face.
        foot: radius of the foot.
    """

    heights: NDArray[np.float32]
    widths: NDArray[np.float32]
    steepness: NDArray[np.float32]
    top: tuple[float, float]
    foot: float

    @classmethod
    def of(cls, profile: Profile, height: float) -> Self:
        """Return the outline of a profile that is `height` frame widths high."""
        rise, radius = (height * np.array(side) for side in zip(*profile.points, strict=True))
        rings = np.linspace(0, height, 24)
        radii = np.interp(rings, rise, radius)
        depth = np.maximum(SLANT * radii, 1e-4)
        heights = np.linspace((rings - depth).min(), (rings + depth).max(), 64)
        # every ring is an ellipse on the screen; the outline is the widest of them at each height
        across = 1 - ((heights[:, None] - rings) / depth) ** 2
        widths = (radii * np.sqrt(np.maximum(across, 0))).max(1)
        return cls(
            heights.astype(np.float32),
            widths.astype(np.float32),
            (1 / np.sqrt(1 + np.gradient(widths, heights) ** 2)).astype(np.float32),
            (height, float(radii[-1])),
            float(radii[0]),
        )

    @property
    def reach(self) -> float:
        """The largest distance of a point of the outline from the middle of the foot."""
        return float(np.hypot(self.heights, self.widths).max())

    def width(self, height: Image) -> Image:
        """Return the half width at each height; beyond the outline it is negative."""
        low, high = self.heights[0], self.heights[-1]
        width = np.interp(height, self.heights, self.widths).astype(np.float32)
        return width - np.maximum(low - height, 0) - np.maximum(height - high, 0)

    def distance(self, right: Image, height: Image, width: Image) -> Image:
        """Return about the signed distance to the outline of points whose half width is `width`."""
        return (np.abs(right) - width) * np.interp(height, self.heights, self.steepness).astype(np.float32)


@dataclass(frozen=True)
class Solid:
    """A solid with its colours.

    Attributes:
        profile: its shape.
        outline: its size.
        pattern: how the two colours share the side.
        colour: [3, 1, 1].
        second: [3, 1, 1], the pattern's other colour.
        light: direction of the light across, -1 (from the left) to 1.
        phase: where the pattern starts.
    """

    profile: Profile
    outline: Outline
    pattern: str
    colour: Image
    second: Image
    light: float
    phase: float

    @classmethod
    def draw(cls, look: Look, names: tuple[str, ...], height: float) -> Self:
        """Return a solid of one of the named shapes, `height` frame widths high, with random colours."""
        profile = PROFILES[look.pick(names)]
        return cls(
            profile,
            Outline.of(profile, height),
            look.pick(look.catalogue.patterns),
            look.colour(),
            look.colour(),
            float(look.rng.uniform(-1, 1)),
            float(look.rng.uniform(0, 1)),
        )

    @property
    def height(self) -> float:
        """In frame widths."""
        return self.outline.top[0]

    def paint(self, canvas: Canvas, x: float, y: float, tilt: float = 0.0, pivot: float = 0.5) -> None:
        """Paint the solid.

        Args:
            canvas: where.
            x: middle of the foot, in frame widths.
            y: middle of the foot on the screen, before it is tilted.
            tilt: angle in radians, clockwise, about a point on the axis.
            pivot: height of that point in parts of the solid's height.
        """
        reach = self.outline.reach
        lift = pivot * self.height
        if (window := canvas.window(x - reach, y - reach - lift, x + reach, y + reach)) is None:
            return
        right, up = window.x - x, y - window.y
        if tilt:
            cos, sin = float(np.cos(tilt)), float(np.sin(tilt))
            right, up = right * cos - (up - lift) * sin, right * sin + (up - lift) * cos + lift
        else:
            right, up = np.broadcast_arrays(right, up)
        width = self.outline.width(up)
        canvas.paint(window, self.outline.distance(right, up, width), self._side(right, up, width))
        self._paint_top(canvas, window, right, up)

    def _side(self, right: Image, up: Image, width: Image) -> Image:
        """Return the colours of the side [3, h, w]."""
        across = np.minimum(np.maximum(right / np.maximum(width, 1e-3), -1), 1)
        if self.profile.square:
            edge = np.float32(0.25 * self.light)
            shade = np.where(across < edge, 1.0 + 0.14 * self.light, 0.86 - 0.14 * self.light)
            around = across
        else:
            shade = 0.72 + 0.34 * np.sqrt(1 - across * across) - 0.2 * self.light * across
            around = np.arcsin(across) * 0.64
        colour = self.colour
        if self.pattern != "plain":
            colour = colour + _PATTERNS[self.pattern](_Spot(around, up / self.height), self.phase) * (
                self.second - colour
            )
        return colour * shade.astype(np.float32)

    def _paint_top(self, canvas: Canvas, window: Window, right: Image, up: Image) -> None:
        height, radius = self.outline.top
        if radius < 0.06 * height:
            return
        distance = ellipse_distance(right, up - height, radius, SLANT * radius)
        if not self.profile.hollow:
            canvas.paint(window, distance, np.minimum(self.colour * 1.18 + 12, 255))
            return
        canvas.paint(window, distance, np.minimum(self.colour * 1.1 + 16, 255))
        canvas.paint(window, distance + 0.014, self.colour * 0.42)


def _steps(wave: Image) -> Image:
    """Return 0 or 1 from the sign of a wave, with soft borders."""
    return np.minimum(np.maximum(wave * 3 + 0.5, 0), 1)


class _Spot(NamedTuple):
    """Places on a body's side: around it, about -1 (left edge) to 1, and up, 0 (foot) to 1."""

    around: Image
    up: Image


# how much of the second colour there is, 0 to 1; the phase is 0 to 1 too
_PATTERNS: MappingProxyType[str, Callable[[_Spot, float], Image]] = MappingProxyType(
    {
        "bands": lambda spot, phase: _steps(np.cos(9 * spot.up + 6.3 * phase)),
        "panels": lambda spot, phase: _steps(np.cos(5 * spot.around + 6.3 * phase)),
        "dots": lambda spot, phase: _steps(np.cos(8 * spot.around + 6.3 * phase) * np.cos(12 * spot.up) - 0.4),
        "cap": lambda spot, phase: _steps(8 * (spot.up - 0.35 - 0.3 * phase)),
        "sides": lambda spot, phase: _steps(4 * (spot.around + 0.6 * phase - 0.3)),
        "spiral": lambda spot, phase: _steps(np.cos(7 * spot.up + 4 * spot.around + 6.3 * phase)),
    }
)
