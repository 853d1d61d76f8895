"""Turning: to the left or right, and there and back."""

from typing import Literal

import numpy as np

from recircle.tabletop.looks import Look
from recircle.tabletop.stage import Act, Arm, Stage
from recircle.tabletop.timing import draw_span, reach
from recircle.tabletop.tools import Tool

Turn = Literal["left", "right", "left and back", "right and back"]

_ARC = 2.6
"""How far to each side the heavy end may point, in radians from straight away from the camera."""


def turn(look: Look, kind: Turn) -> Act:
    """Return one clip's act.

    A hand leads the tool's heavy end around its other end. It begins anywhere in a wide arc, so that no place of the
    hand belongs to one class.
    """
    rng = look.rng
    tool = Tool.draw(look, float(rng.uniform(0.5, 0.6)))
    arm = Arm.draw(look)
    x, y = float(rng.uniform(0.46, 0.54)), float(rng.uniform(0.6, 0.68))
    way = float(rng.uniform(1.4, 1.9))
    back = kind.endswith("and back")
    moving = draw_span(rng, 0.55, 0.7) if back else draw_span(rng, 0.4, 0.55)
    there, again = moving.split(1, 1)
    sign = 1 if kind.startswith("right") else -1
    # angles from straight away from the camera, clockwise
    start = -sign * float(rng.uniform(way - _ARC, _ARC))

    def perform(stage: Stage, time: float) -> None:
        turned = there.ease(time) - again.ease(time) if back else moving.ease(time)
        angle = start + sign * way * turned - np.pi / 2
        stage.add(y, lambda canvas: tool.paint(canvas, x, y, angle))
        hand_x, hand_y = tool.head_at(x, y, angle)
        arm.show(stage, hand_x, hand_y, reach(time, moving), y, 0.05)

    return Act(perform=perform)
