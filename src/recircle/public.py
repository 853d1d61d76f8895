"""The mark of what users may rely on: it is called `recircle.NAME` wherever Python shows or saves where it is from."""

from typing import Any, TypeVar

T = TypeVar("T")


def public(thing: T) -> T:
    """Let a class or function that `recircle` knows be called by that path in pickles, repr and help.

    Which module defines it may then change without breaking a pickle that a user has kept. `recircle.__all__` names it,
    unless it is a part that only pickles hold.
    """
    marked: Any = thing
    marked.__module__ = __name__.partition(".")[0]
    return thing
