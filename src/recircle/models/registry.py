"""The names of the networks, and how to make one from its name."""

import difflib
import fnmatch
import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, Unpack, get_args, get_origin, get_type_hints, overload

from recircle.arc.config import ArcConfig
from recircle.errors import UserError
from recircle.models.base import VideoModel
from recircle.models.checkpoints import load_pretrained
from recircle.public import public

Builder = Callable[..., VideoModel]
B = TypeVar("B", bound=Builder)

_POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

_BUILDERS: dict[str, Builder] = {}


@overload
def register_model(builder: B, *, name: str | None = None, replace: bool = False) -> B: ...
@overload
def register_model(builder: None = None, *, name: str | None = None, replace: bool = False) -> Callable[[B], B]: ...
@public
def register_model(builder: B | None = None, *, name: str | None = None, replace: bool = False) -> B | Callable[[B], B]:
    """Make a network known to `create_model` and to training, as a decorator: `@register_model`.

    Args:
        builder: a function or class. Its first parameter is the number of classes; its other parameters have defaults
            and are the network's options, and it returns a `VideoModel`. The first line of its docstring is what
            `recircle models` says of it. Left out where `name` or `replace` is given: `@register_model(name="mine")`.
        name: what the network is called; None takes the name of the function.
        replace: forget a network that had this name, as when a cell of a notebook runs again.

    Raises:
        UserError: the name is taken, or is none; or the function cannot be called with a number of classes alone.
    """
    if builder is None:
        return functools.partial(register_model, name=name, replace=replace)
    if not callable(builder):
        raise UserError(f"register_model takes the function that builds a network, not {builder!r}")
    called = name if name is not None else getattr(builder, "__name__", "")
    if not re.fullmatch(r"\w[\w.-]*", called):
        raise UserError(
            f"{called!r} is no name for a network; give one, such as register_model(..., name='my_network')"
        )
    if called in _BUILDERS and not replace:
        raise UserError(
            f"there is a network {called!r} already, built by {_origin(_BUILDERS[called])}; give this one another "
            "name, or register it with replace=True"
        )
    _check_signature(called, builder)
    _BUILDERS[called] = builder
    return builder


@public
def create_model(name: str, num_classes: int, *, pretrained: str | Path | None = None, **options: Any) -> VideoModel:
    """Return a new network that maps clips [B, T, 3, H, W] to logits [B, num_classes], for any T.

    Args:
        name: one of `list_models()`.
        num_classes: K.
        pretrained: where its weights start: None draws them; "imagenet" takes them from the package that has them
            (EfficientNet-Lite0); or the path of a weight file, see `recircle.models.checkpoints.load_weights`. A
            classifier of another number of classes is left out; `model.load_report` says what was loaded.
        **options: `dropout` before the classifier (0.5); `width`, channels of the stem (smaller: a narrower network
            throughout); and for the networks with ARC `steps` (4), or `arc`, the whole `ArcConfig`, and `stages` and
            `stem`, see `recircle.convert`.

    Raises:
        UserError: no network has that name, or it has no such option, or the weights cannot be loaded.
        ValueError: an option has a wrong value.
    """
    builder = _find(name)
    unknown = _unknown(name, options)
    if unknown:
        raise UserError(f"{name} has no option {unknown}")
    model = builder(num_classes, **options)
    if not isinstance(model, VideoModel):
        raise UserError(
            f"{_origin(builder)}, registered as {name}, returned a {type(model).__name__} and no recircle.VideoModel"
        )
    if pretrained is not None:
        model.load_report = load_pretrained(model, pretrained)
    return model


@public
def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the networks that match a pattern such as `arc_*`, in alphabetical order."""
    return sorted(fnmatch.filter(_BUILDERS, pattern))


@public
def model_summary(name: str) -> str:
    """Return in one line what the network is.

    Raises:
        UserError: no network has that name.
    """
    builder = _find(name)
    return (inspect.getdoc(builder) or f"Built by {_origin(builder)}.").partition("\n")[0]


def model_options(name: str) -> frozenset[str]:
    """Return the names of the options that a network is known to take.

    Raises:
        UserError: no network has that name.
    """
    return _options(_find(name))[0]


@public
@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """How to build a network; it is saved with its weights.

    Attributes:
        name: one of `list_models()`.
        arc: the variant of its ARC layers; None is the paper's.
        width: channels of the stem; None is the published width.
        dropout: before the classifier; None is the published rate.
        pretrained: None, "imagenet", or the path of a weight file; see `create_model`.
        options: what else this network's builder takes, such as {"snippet": 1} for ABM.
    """

    name: str
    arc: ArcConfig | None = None
    width: int | None = None
    dropout: float | None = None
    pretrained: str | None = None
    options: dict[str, int | float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        options = model_options(self.name)
        unknown = _unknown(self.name, self.options, but=("arc", "width", "dropout"))
        if unknown:
            raise ValueError(f"options: {self.name} has no option {unknown}")
        if self.arc is not None and "arc" not in options:
            plain = f"arc_{self.name}"
            hint = f"; use {plain}" if plain in _BUILDERS else ""
            raise ValueError(f"arc is given, but {self.name} has no ARC layers{hint}")
        if self.width is not None and self.width < 8:
            raise ValueError(f"width={self.width} is too narrow; the stem needs 8 channels or more")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} is the share of features left out; give a value in [0, 1)")

    def build(self, num_classes: int) -> VideoModel:
        """Return a new network; see `create_model` for what can go wrong."""
        options: dict[str, Any] = dict(self.options)
        if self.dropout is not None:
            options["dropout"] = self.dropout
        if self.arc is not None:
            options["arc"] = self.arc
        if self.width is not None:
            options["width"] = self.width
        return create_model(self.name, num_classes, pretrained=self.pretrained, **options)


def _check_signature(name: str, builder: Builder) -> None:
    """Insist that a builder can be called with a number of classes, and with options by name.

    Raises:
        UserError: it cannot; the message shows the parameter.
    """
    try:
        parameters = list(inspect.signature(builder).parameters.values())
    except (TypeError, ValueError):
        # of something written in C nothing is known
        return
    wanted = f"a network is built by {name}(num_classes, option=default, ...)"
    if not parameters or parameters[0].kind not in _POSITIONAL:
        raise UserError(f"{_origin(builder)} takes no number of classes as its first argument; {wanted}")
    for parameter in parameters[1:]:
        if parameter.kind not in _VARIADIC and parameter.default is parameter.empty:
            raise UserError(f"{_origin(builder)} has the parameter {parameter.name!r} without a default; {wanted}")


def _options(builder: Builder) -> tuple[frozenset[str], bool]:
    """Return the names of a builder's options, and whether it takes others too."""
    try:
        parameters = list(inspect.signature(builder).parameters.values())
    except (TypeError, ValueError):
        return frozenset(), True
    options: set[str] = set()
    for number, parameter in enumerate(parameters):
        if parameter.kind is parameter.KEYWORD_ONLY or (
            parameter.kind is parameter.POSITIONAL_OR_KEYWORD and number > 0
        ):
            options.add(parameter.name)
        elif parameter.kind is parameter.VAR_KEYWORD:
            # a class takes them in __init__
            function = builder.__init__ if isinstance(builder, type) else builder
            try:
                hint = get_type_hints(function).get(parameter.name)
            except (NameError, TypeError):
                hint = None
            if get_origin(hint) is not Unpack:
                return frozenset(options), True
            # **options: Unpack[Options] of a TypedDict
            (typed,) = get_args(hint)
            options |= get_type_hints(typed).keys()
    return frozenset(options), False


def _unknown(name: str, given: Mapping[str, object], but: Sequence[str] = ()) -> str:
    """Return in words which options a network does not have, and which it has; empty if it has all that are given."""
    known, more = _options(_find(name))
    own = known.difference(but)
    unknown = sorted(given.keys() - own)
    if not unknown or (more and not given.keys() & set(but)):
        return ""
    return f"{', '.join(unknown)}; it has {', '.join(sorted(own)) or 'none'}"


def _origin(builder: Builder) -> str:
    name = getattr(builder, "__qualname__", None)
    return repr(builder) if name is None else f"{builder.__module__}.{name}"


def _find(name: str) -> Builder:
    if name not in _BUILDERS:
        close = difflib.get_close_matches(name, _BUILDERS, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "`recircle models` lists the names"
        raise UserError(f"no network is called {name!r}; {hint}")
    return _BUILDERS[name]
