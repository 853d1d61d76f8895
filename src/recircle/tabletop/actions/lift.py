"""Lifting: up and back down, up and dropped, away for good, and down from outside."""

from typing import Literal

from recircle.tabletop.looks import Look
from recircle.tabletop.solids import Solid
from recircle.tabletop.stage import Act, Arm, Stage
from recircle.tabletop.timing import Span, draw_span, reach

Lift = Literal["back", "drop", "away", "put"]

_OUT_OF_SIGHT = 1.0


def lift(look: Look, kind: Lift) -> Act:
    """Return one clip's act.

    One or two other things stand on the table, so that counting them does not tell whether one is gone or still to
    come.
    """
    rng = look.rng
    thing = Solid.draw(look, look.catalogue.solids, float(rng.uniform(0.24, 0.3)))
    arm = Arm.draw(look)
    places = [float(x) for x in rng.permutation([0.2, 0.5, 0.8]) + rng.uniform(-0.05, 0.05, 3)]
    x, y = places[0], float(rng.uniform(0.66, 0.8))
    others = [
        (Solid.draw(look, look.catalogue.solids, float(rng.uniform(0.22, 0.28))), place, float(rng.uniform(0.58, 0.8)))
        for place in places[1 : 2 + int(rng.random() < 0.5)]
    ]
    moving = draw_span(rng, 0.5, 0.65) if kind in ("back", "drop") else draw_span(rng, 0.35, 0.5)
    top = float(rng.uniform(0.3, 0.42))
    up, hold, down = moving.split(1, 0.25, 1)
    drop = Span(hold.end, hold.end + 0.1)
    grip = 0.5 * float(thing.outline.widths.max())

    def height(time: float) -> float:
        if kind == "away":
            return _OUT_OF_SIGHT * moving.ease(time)
        if kind == "put":
            return _OUT_OF_SIGHT * (1 - moving.ease(time))
        if kind == "back":
            return top * (up.ease(time) - down.ease(time))
        fallen = min(max((time - drop.start) / (drop.end - drop.start), 0.0), 1.0)
        return top * up.ease(time) * (1 - fallen * fallen)

    def perform(stage: Stage, time: float) -> None:
        for other, place, depth in others:
            stage.solid(other, place, depth)
        stage.solid(thing, x, y, height(time))
        held = top * up.ease(time) if kind == "drop" else height(time)
        if kind == "drop":
            away = reach(time, Span(moving.start, drop.start + 0.12))
        elif kind == "away":
            away = reach(time, Span(moving.start, 2))
        elif kind == "put":
            away = reach(time, Span(-1, moving.end))
        else:
            away = reach(time, moving)
        arm.show(stage, x, y - held - 0.8 * thing.height, away, y, grip)

    return Act(perform=perform)
