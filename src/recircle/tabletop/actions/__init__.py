"""The 24 classes: what happens in each, and the family it belongs to."""

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from recircle.tabletop.actions.cover import cover
from recircle.tabletop.actions.lift import lift
from recircle.tabletop.actions.pair import pair
from recircle.tabletop.actions.pour import pour
from recircle.tabletop.actions.push import push
from recircle.tabletop.actions.turn import turn
from recircle.tabletop.looks import Look
from recircle.tabletop.stage import Act


class Action(NamedTuple):
    """One class of the benchmark.

    Attributes:
        label: its name; mirrored classes differ by "left" and "right" alone.
        family: the classes it is easily taken for.
        act: draws one clip's act. A clip whose picture is mirrored afterwards asks for `mirrored` instead.
        mirrored: the act that looks like this class in a mirror.
    """

    label: str
    family: str
    act: Callable[[Look], Act]
    mirrored: Callable[[Look], Act]


def _symmetric(label: str, family: str, act: Callable[[Look], Act]) -> Action:
    return Action(label, family, act, act)


_ACTIONS = (
    Action("pushing something from left to right", "pushing", partial(push, kind="right"), partial(push, kind="left")),
    Action("pushing something from right to left", "pushing", partial(push, kind="left"), partial(push, kind="right")),
    _symmetric("pushing something off the edge of the table", "pushing", partial(push, kind="off")),
    _symmetric("pushing something almost off the edge of the table", "pushing", partial(push, kind="almost")),
    _symmetric("moving two things apart", "moving two things", partial(pair, kind="apart")),
    _symmetric("moving two things closer together", "moving two things", partial(pair, kind="closer")),
    _symmetric("moving two things past each other", "moving two things", partial(pair, kind="past")),
    _symmetric("moving two things until they collide", "moving two things", partial(pair, kind="collide")),
    _symmetric("pouring something into a glass", "pouring", partial(pour, kind="into")),
    _symmetric("pouring something into a glass until it overflows", "pouring", partial(pour, kind="overflow")),
    _symmetric("pouring something beside a glass", "pouring", partial(pour, kind="beside")),
    _symmetric("trying to pour, but nothing comes out", "pouring", partial(pour, kind="nothing")),
    _symmetric("lifting something and putting it back", "lifting", partial(lift, kind="back")),
    _symmetric("lifting something and dropping it", "lifting", partial(lift, kind="drop")),
    _symmetric("taking something away", "lifting", partial(lift, kind="away")),
    _symmetric("putting something on the table", "lifting", partial(lift, kind="put")),
    _symmetric("covering something", "covering", partial(cover, kind="cover")),
    _symmetric("uncovering something", "covering", partial(cover, kind="uncover")),
    _symmetric("covering something and uncovering it again", "covering", partial(cover, kind="pretend")),
    _symmetric("uncovering something and covering it again", "covering", partial(cover, kind="peek")),
    Action("turning something to the left", "turning", partial(turn, kind="left"), partial(turn, kind="right")),
    Action("turning something to the right", "turning", partial(turn, kind="right"), partial(turn, kind="left")),
    Action(
        "turning something to the left and back",
        "turning",
        partial(turn, kind="left and back"),
        partial(turn, kind="right and back"),
    ),
    Action(
        "turning something to the right and back",
        "turning",
        partial(turn, kind="right and back"),
        partial(turn, kind="left and back"),
    ),
)

CLASSES: MappingProxyType[str, Action] = MappingProxyType({action.label: action for action in _ACTIONS})
"""Each class by its name."""

FAMILIES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        family: tuple(action.label for action in _ACTIONS if action.family == family)
        for family in dict.fromkeys(action.family for action in _ACTIONS)
    }
)
"""The four classes of each family."""
