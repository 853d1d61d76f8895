"""Two things: moved apart, closer, past each other, into each other."""

from typing import Literal

from recircle.tabletop.looks import Look
from recircle.tabletop.solids import Solid
from recircle.tabletop.stage import Act, Arm, Stage
from recircle.tabletop.timing import draw_span, reach

Pair = Literal["apart", "closer", "past", "collide"]


def pair(look: Look, kind: Pair) -> Act:
    """Return one clip's act.

    All four go through the same distances. Things that come apart may begin, and things that come closer may end, one
    before the other, as things that pass do on their way. A third thing that nobody touches makes it hard to say which
    two are meant.
    """
    rng = look.rng
    things = [Solid.draw(look, look.catalogue.solids, float(rng.uniform(0.26, 0.3))) for _ in range(2)]
    arms = [Arm.draw(look) for _ in range(2)]
    widest = [float(thing.outline.widths.max()) for thing in things]
    touch = 0.5 * sum(widest)
    middle = float(rng.uniform(0.42, 0.58))
    # neighbouring lanes, so that things can both pass and touch
    lanes = [y + float(rng.uniform(-0.02, 0.02)) for y in (0.48, 0.59, 0.7)][:: int(rng.choice((-1, 1)))]
    lanes[:2] = lanes[:2][:: int(rng.choice((-1, 1)))]
    bystander = Solid.draw(look, look.catalogue.solids, float(rng.uniform(0.24, 0.3))) if rng.random() < 0.7 else None
    bystander_x = float(rng.uniform(0.1, 0.9))
    moving = draw_span(rng, 0.55, 0.7)
    near, far, far_again = float(rng.uniform(0, 0.14)), float(rng.uniform(0.32, 0.42)), float(rng.uniform(0.2, 0.42))
    meeting = float(rng.uniform(0.35, 0.65))
    coming, going = moving.split(meeting, 1 - meeting)

    def half_distance(time: float) -> float:
        if kind == "apart":
            return near + (far - near) * moving.ease(time)
        if kind == "closer":
            return far + (near - far) * moving.ease(time)
        if kind == "past":
            return far - (far + far_again) * moving.ease(time)
        return far + (touch - far) * coming.ease(time) + (far_again - touch) * going.ease(time)

    def perform(stage: Stage, time: float) -> None:
        if bystander:
            stage.solid(bystander, bystander_x, lanes[2])
        away = reach(time, moving)
        for thing, arm, side, y, wide in zip(things, arms, (-1, 1), lanes, widest):
            x = middle + side * half_distance(time)
            stage.solid(thing, x, y)
            arm.show(stage, x, y - 0.8 * thing.height, away, y, 0.5 * wide)

    return Act(perform=perform)
