"""Pushing: to the right, to the left, off the edge of the table, almost off it."""

from typing import Literal

from recircle.tabletop.looks import Look
from recircle.tabletop.solids import Solid
from recircle.tabletop.stage import Act, Arm, Stage
from recircle.tabletop.timing import Span, draw_span, reach

Push = Literal["right", "left", "off", "almost"]


def push(look: Look, kind: Push) -> Act:
    """Return one clip's act.

    The thing stands anywhere on the table, at its edge too, whatever is going to happen to it, and so does another one
    that nobody touches, which makes an emptied place inconspicuous.
    """
    rng = look.rng
    thing = Solid.draw(look, look.catalogue.solids, float(rng.uniform(0.26, 0.32)))
    arm = Arm.draw(look)
    edge = float(rng.uniform(0.68, 0.78))
    moving = draw_span(rng, 0.45, 0.6, latest=0.84)
    x0, x1, y0, y1 = _path(look, kind, edge)
    fall = Span(moving.end - 0.02, moving.end + 0.2)
    spin = float(rng.uniform(-1.5, 1.5))
    bystander = Solid.draw(look, look.catalogue.solids, float(rng.uniform(0.24, 0.3))) if rng.random() < 0.7 else None
    bystander_x, bystander_y = _aside(look, kind, edge, x0, y0)
    grip = 0.5 * float(thing.outline.widths.max())

    def perform(stage: Stage, time: float) -> None:
        done = moving.ease(time)
        x, y = x0 + done * (x1 - x0), y0 + done * (y1 - y0)
        drop = 0.0
        if kind == "off":
            drop = max(0.0, (time - fall.start) / (fall.end - fall.start))
        if bystander:
            stage.solid(bystander, bystander_x, bystander_y)
        stage.solid(thing, x, y + 0.9 * drop * drop, tilt=spin * drop, depth=y, shaded=drop < 0.1)
        arm.show(stage, x, y - 0.8 * thing.height, reach(time, moving), y, grip)

    return Act(perform=perform, edge=edge)


def _path(look: Look, kind: Push, edge: float) -> tuple[float, float, float, float]:
    """Return where the thing goes: x and x, y and y."""
    rng = look.rng
    if kind in ("right", "left"):
        way = float(rng.uniform(0.32, 0.44))
        x = float(rng.uniform(0.0, 1.0 - way))
        y = _place(look, edge)
        return (x, x + way, y, y) if kind == "right" else (x + way, x, y, y)
    x = float(rng.uniform(0.12, 0.88))
    stop = _brink(look, edge) if kind == "almost" else edge + 0.05
    return x, x + float(rng.uniform(-0.05, 0.05)), float(rng.uniform(0.38, 0.52)), stop


def _brink(look: Look, edge: float) -> float:
    """Return a y at which things hang over the edge a little."""
    return edge - float(look.rng.uniform(-0.01, 0.03))


def _place(look: Look, edge: float) -> float:
    """Return a y anywhere on the table, and often at its edge."""
    return _brink(look, edge) if look.rng.random() < 0.4 else float(look.rng.uniform(0.38, edge))


def _aside(look: Look, kind: Push, edge: float, x: float, y: float) -> tuple[float, float]:
    """Return a place that is not in the way of a thing that starts at (x, y)."""
    while True:
        other_x, other_y = float(look.rng.uniform(0.08, 0.92)), _place(look, edge)
        if abs(other_y - y) > 0.12 if kind in ("right", "left") else abs(other_x - x) > 0.3:
            return other_x, other_y
