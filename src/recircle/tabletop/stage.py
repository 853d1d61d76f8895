"""What stands on the table in one frame, painted from the back to the front."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from recircle.tabletop.canvas import Canvas
from recircle.tabletop.looks import Look
from recircle.tabletop.solids import SLANT, Solid

_SHADOWS = -1.0


@dataclass
class Stage:
    """One frame's things.

    Attributes:
        light: where the light comes from, -1 (left) to 1 (right).
        layers: (depth, painter): smaller depths are painted first. On the table the depth is the y of the foot.
    """

    light: float = 0.0
    layers: list[tuple[float, Callable[[Canvas], None]]] = field(default_factory=list)

    def add(self, depth: float, painter: Callable[[Canvas], None]) -> None:
        """Add something that paints itself."""
        self.layers.append((depth, painter))

    def paint(self, canvas: Canvas) -> None:
        """Paint everything."""
        for _, painter in sorted(self.layers, key=lambda layer: layer[0]):
            painter(canvas)

    def shadow(self, x: float, y: float, a: float, height: float = 0.0) -> None:
        """Add the shadow of something `a` wide to each side, `height` above the table at (x, y)."""
        a, strength = a * (1.3 + 0.8 * height), 0.5 / (1 + 5 * height)
        x -= self.light * (0.06 + 0.5 * height)
        self.add(_SHADOWS, lambda canvas: canvas.shadow(x, y + 0.01, a, a * (SLANT + 0.12), strength))

    def solid(
        self,
        solid: Solid,
        x: float,
        y: float,
        height: float = 0.0,
        tilt: float = 0.0,
        depth: float | None = None,
        shaded: bool = True,
    ) -> None:
        """Add a solid whose foot is `height` above the table at (x, y)."""
        if shaded:
            self.shadow(x, y, float(solid.outline.widths.max()), height)
        self.add(y if depth is None else depth, lambda canvas: solid.paint(canvas, x, y - height, tilt))


@dataclass(frozen=True, kw_only=True)
class Act:
    """What happens in one clip.

    Attributes:
        perform: puts the things of a moment (0 to 1) on the stage.
        edge: y of the table's front edge, or None where the table fills the frame.
    """

    perform: Callable[[Stage, float], None]
    edge: float | None = None


@dataclass(frozen=True)
class Arm:
    """An arm that reaches in over the far side of the table.

    Attributes:
        skin: colour of the hand [3, 1, 1].
        sleeve: colour of the sleeve [3, 1, 1].
        lean: how far to the right of the hand its elbow is, in frame widths.
        size: radius of the palm.
    """

    skin: np.ndarray
    sleeve: np.ndarray
    lean: float
    size: float

    @classmethod
    def draw(cls, look: Look) -> "Arm":
        """Return an arm of the clip's actor."""
        rng = look.rng
        return cls(look.skin, look.sleeve, float(rng.uniform(-0.3, 0.3)), float(rng.uniform(0.062, 0.074)))

    def show(self, stage: Stage, x: float, y: float, away: float, depth: float, grip: float = 0.1) -> None:
        """Add the arm to a frame.

        Args:
            stage: the frame.
            x: where the fingers hold, in frame widths.
            y: the same, on the screen.
            away: 0 with the fingers there, 1 out of sight; see `timing.reach`.
            depth: of the thing that is held.
            grip: distance of the fingertips from the middle.
        """
        x, y = x + 0.35 * self.lean * away, y - (y + 0.35) * min(away, 1.0)
        if away < 1:
            stage.add(depth + 0.001, lambda canvas: self._paint(canvas, x, y, grip))

    def _paint(self, canvas: Canvas, x: float, y: float, grip: float) -> None:
        size = self.size
        palm_y = y - 1.5 * size
        for side in (-1, 1):
            canvas.capsule(x, palm_y, x + side * grip, y, 0.4 * size, self.skin * np.float32(0.84))
        elbow_x, elbow_y = x + self.lean, min(palm_y - 0.7, -0.2)
        share = min(2.2 * size / (palm_y - elbow_y), 1.0)
        wrist_x, wrist_y = x + share * (elbow_x - x), palm_y + share * (elbow_y - palm_y)
        canvas.capsule(x, palm_y, wrist_x, wrist_y, 0.72 * size, self.skin * np.float32(0.92))
        canvas.capsule(wrist_x, wrist_y, elbow_x, elbow_y, 1.15 * size, self.sleeve)
        canvas.ellipse(x, palm_y, size, 1.05 * size, self.skin)
