"""Pouring: into a glass, until it overflows, beside it, and with nothing coming out."""

from typing import Literal

from recircle.tabletop.looks import Look
from recircle.tabletop.stage import Act, Arm, Stage
from recircle.tabletop.timing import Span, draw_span
from recircle.tabletop.vessels import Glass, Jug

Pour = Literal["into", "overflow", "beside", "nothing"]


def pour(look: Look, kind: Pour) -> Act:
    """Return one clip's act.

    The glass is filled to any level at first, to the brim too, and something may have been spilled already; what counts
    is what rises and spreads. The stream comes in gulps and falls to the foot of the glass whether it runs into the
    glass or down before it.
    """
    rng = look.rng
    glass = Glass.draw(look, float(rng.uniform(0.36, 0.42)))
    jug = Jug.draw(look, float(rng.uniform(0.26, 0.3)))
    arm = Arm.draw(look)
    x, y = float(rng.uniform(0.4, 0.6)), float(rng.uniform(0.78, 0.86))
    pouring = draw_span(rng, 0.55, 0.75)
    tilting = Span(pouring.start - 0.15, pouring.start - 0.05)
    righting = Span(pouring.end + 0.05, pouring.end + 0.15)
    gulps = float(rng.uniform(0, 1))
    level, rise = _levels(look, kind)
    spread = float(rng.uniform(0.5, 0.7)) if kind in ("overflow", "beside") else 0.0
    spilled = float(rng.uniform(0, 1.2 - 0.5 * spread)) if rng.random() < 0.8 else 0.0
    filling, spreading = pouring.split(1, 1) if kind == "overflow" else (pouring, pouring)

    def perform(stage: Stage, time: float) -> None:
        full = level + rise * filling.ease(time)
        wet = spilled + spread * spreading.ease(time)
        tilt = 1.5 * (tilting.ease(time) - righting.ease(time))
        mouth_x, mouth_y = x + jug.side * 0.04, y - glass.height - 0.1
        stage.shadow(x, y, glass.outline.foot)
        stage.add(-0.5, lambda canvas: glass.puddle(canvas, x, y, wet))
        stage.add(y, lambda canvas: glass.paint(canvas, x, y, full))
        if kind != "nothing" and pouring.start < time < pouring.end and (5 * time + gulps) % 1 < 0.5:
            stage.add(y + 0.005, lambda canvas: canvas.capsule(mouth_x, mouth_y, x, y, 0.028, glass.liquid, 0.95))
        stage.add(y + 0.01, lambda canvas: jug.paint(canvas, mouth_x, mouth_y, tilt))
        foot_x, foot_y = jug.foot(mouth_x, mouth_y, tilt)
        arm.show(stage, foot_x, foot_y - 0.5 * jug.body.height, 0.0, y + 0.01, 0.08)

    return Act(perform=perform)


def _levels(look: Look, kind: Pour) -> tuple[float, float]:
    """Return how full the glass is at first, and how much that rises."""
    rng = look.rng
    to_the_brim = rng.random() < 0.4
    if kind == "overflow":
        level = float(rng.uniform(0.05, 0.65))
        return level, 1 - level
    if kind == "into":
        level, rise = float(rng.uniform(0.05, 0.55)), float(rng.uniform(0.4, 0.45))
        return (1 - rise, rise) if to_the_brim else (level, rise)
    return (1.0 if to_the_brim else float(rng.uniform(0.05, 1))), 0.0
