"""Covering: covered, uncovered, covered only for show, uncovered for a look."""

from typing import Literal

from recircle.tabletop.looks import Look
from recircle.tabletop.solids import Solid
from recircle.tabletop.stage import Act, Arm, Stage
from recircle.tabletop.timing import Span, draw_span, reach

Cover = Literal["cover", "uncover", "pretend", "peek"]


def cover(look: Look, kind: Cover) -> Act:
    """Return one clip's act.

    A second thing stands covered or open beside the first, untouched, so that a frame with one of each may be the first
    or the last of any class.
    """
    rng = look.rng
    height = float(rng.uniform(0.16, 0.2))
    thing, other = (Solid.draw(look, look.catalogue.solids, height) for _ in range(2))
    lid, other_lid = (Solid.draw(look, look.catalogue.covers, float(rng.uniform(0.3, 0.34))) for _ in range(2))
    arm = Arm.draw(look)
    x, other_x = (float(place) for place in rng.permutation([0.26, 0.74]) + rng.uniform(-0.05, 0.05, 2))
    y, other_y = float(rng.uniform(0.7, 0.84)), float(rng.uniform(0.7, 0.84))
    other_covered = rng.random() < 0.5
    moving = draw_span(rng, 0.3, 0.45) if kind in ("cover", "uncover") else draw_span(rng, 0.55, 0.7)
    first, _, second = moving.split(1, 0.2, 1)
    top = y + 0.1
    low = float(rng.uniform(0.0, 0.04))

    def lifted(time: float) -> float:
        if kind == "cover":
            return top * (1 - moving.ease(time))
        if kind == "uncover":
            return top * moving.ease(time)
        if kind == "pretend":
            return top + (low - top) * (first.ease(time) - second.ease(time))
        return top * (first.ease(time) - second.ease(time))

    touching = {
        "cover": Span(-1, moving.end),
        "uncover": Span(moving.start, 2),
        "pretend": Span(-1, 2),
        "peek": moving,
    }[kind]

    def perform(stage: Stage, time: float) -> None:
        stage.solid(other, other_x, other_y)
        if other_covered:
            stage.solid(other_lid, other_x, other_y + 0.005)
        stage.solid(thing, x, y)
        up = lifted(time)
        stage.solid(lid, x, y + 0.005, up)
        arm.show(stage, x, y - up - 0.85 * lid.height, reach(time, touching), y + 0.01, 0.12)

    return Act(perform=perform)
