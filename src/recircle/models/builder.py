"""A function that builds a network: what it takes, and what it returns as a network of this package."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack, get_args, get_origin, get_type_hints

from torch import nn

from recircle.errors import UserError
from recircle.models.base import VideoModel
from recircle.models.wrapped import WORDS, Takes, WrappedModel
from recircle.surgery.frame_model import FrameModel

Builder = Callable[..., nn.Module]

_POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Registered:
    """What is registered under a name.

    Attributes:
        function: builds the network; its first parameter is the number of classes.
        takes: what the network takes, where it is no `VideoModel`.
    """

    function: Builder
    takes: Takes | None = None

    def check(self, name: str) -> None:
        """Insist that the function can be called with a number of classes first, and with options by name.

        Raises:
            UserError: it cannot; the message shows the parameter.
        """
        if self.takes is not None and self.takes not in get_args(Takes):
            raise UserError(f"takes={self.takes!r} is not one of {', '.join(get_args(Takes))}")
        wanted = f"a network is built by {name}(num_classes, option=default, ...)"
        parameters = self._signature()
        if parameters is None:
            return
        if not parameters or parameters[0].kind not in _POSITIONAL:
            raise UserError(f"{self.origin} takes no number of classes as its first argument; {wanted}")
        for parameter in parameters[1:]:
            if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
                raise UserError(f"{self.origin} takes {parameter.name!r} by its position alone; {wanted}")

    def build(self, name: str, num_classes: int, options: Mapping[str, Any]) -> VideoModel:
        """Return what the function builds as a network of this package.

        Raises:
            UserError: an option that it needs is missing; or it returns no network, or one of other classes, or one of
                which it is not said what it takes.
        """
        missing = sorted(self.needed - options.keys())
        if missing:
            first = missing[0]
            given = f"options={{{first!r}: ...}} from Python, --model.options {first} ... on the command line"
            if first in ("arc", "width", "dropout"):
                given = f"{first}=... from Python, --model.{first} ... on the command line"
            raise UserError(
                f"{name} needs {', '.join(missing)}, for which its function has no default; give it as an option: "
                + given
            )
        model: object = self.function(num_classes, **options)
        returned = f"{self.origin}, registered as {name}, returned a {type(model).__name__}"
        if isinstance(model, VideoModel):
            if model.num_classes != num_classes:
                raise UserError(f"{returned} of {model.num_classes} classes, when it was to build one of {num_classes}")
            return model
        if not isinstance(model, nn.Module):
            raise UserError(f"{returned} and no network (torch.nn.Module)")
        takes = self.takes or ("BTCHW" if isinstance(model, FrameModel) else None)
        if takes is None:
            choices = ", ".join(f"{one!r} for {words}" for one, words in WORDS.items())
            raise UserError(f"{returned} and no recircle.VideoModel; register it with takes=, what it takes: {choices}")
        return WrappedModel(model, num_classes, name=name, takes=takes)

    @property
    def origin(self) -> str:
        """The function in words."""
        name = getattr(self.function, "__qualname__", None)
        return repr(self.function) if name is None else f"{self.function.__module__}.{name}"

    @property
    def module(self) -> str:
        """The module outside of this package that the function is in; empty for one in a script or a notebook."""
        module = getattr(self.function, "__module__", None) or ""
        return "" if module == "__main__" or module.partition(".")[0] == "recircle" else module

    @property
    def needed(self) -> frozenset[str]:
        """Names of the options that have no default."""
        return frozenset(
            parameter.name
            for parameter in (self._signature() or [])[1:]
            if parameter.kind not in _VARIADIC and parameter.default is parameter.empty
        )

    def options(self) -> tuple[frozenset[str], bool]:
        """Return the names of the function's options, and whether it takes others too."""
        parameters = self._signature()
        if parameters is None:
            return frozenset(), True
        options: set[str] = set()
        for number, parameter in enumerate(parameters):
            if parameter.kind is parameter.KEYWORD_ONLY or (
                parameter.kind is parameter.POSITIONAL_OR_KEYWORD and number > 0
            ):
                options.add(parameter.name)
            elif parameter.kind is parameter.VAR_KEYWORD:
                typed = self._typed_keywords(parameter.name)
                if typed is None:
                    return frozenset(options), True
                options |= get_type_hints(typed).keys()
        return frozenset(options), False

    def _signature(self) -> list[inspect.Parameter] | None:
        """Return the parameters; None for something written in C, of which nothing is known."""
        try:
            return list(inspect.signature(self.function).parameters.values())
        except (TypeError, ValueError):
            return None

    def _typed_keywords(self, name: str) -> type | None:
        """Return the TypedDict of `**options: Unpack[Options]`; None where the keywords are of no such kind."""
        # a class takes them in __init__
        function = self.function.__init__ if isinstance(self.function, type) else self.function
        try:
            hint = get_type_hints(function).get(name)
        except (NameError, TypeError):
            return None
        return get_args(hint)[0] if get_origin(hint) is Unpack else None
