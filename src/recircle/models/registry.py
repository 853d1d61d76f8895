"""The names of the networks, and how to make one from its name."""

import difflib
import fnmatch
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from recircle.arc.config import ArcConfig
from recircle.errors import UserError
from recircle.models.base import VideoModel
from recircle.models.checkpoints import load_pretrained

Builder = Callable[..., VideoModel]
B = TypeVar("B", bound=Builder)

_BUILDERS: dict[str, Builder] = {}


def register_model(builder: B) -> B:
    """Make a network known under the name of the function that builds it.

    The function takes the number of classes and keyword options, and its docstring's first line says what it builds.
    """
    name = builder.__name__
    assert name not in _BUILDERS, f"two networks are called {name}"
    assert builder.__doc__, f"{name} has no docstring"
    _BUILDERS[name] = builder
    return builder


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
    known = model_options(name)
    unknown = sorted(options.keys() - known)
    if unknown:
        raise UserError(f"{name} has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    model = builder(num_classes, **options)
    if pretrained is not None:
        model.load_report = load_pretrained(model, pretrained)
    return model


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the networks that match a pattern such as `arc_*`, in alphabetical order."""
    return sorted(fnmatch.filter(_BUILDERS, pattern))


def model_summary(name: str) -> str:
    """Return in one line what the network is.

    Raises:
        UserError: no network has that name.
    """
    return (inspect.getdoc(_find(name)) or "").partition("\n")[0]


def model_options(name: str) -> frozenset[str]:
    """Return the names of the options that a network takes.

    Raises:
        UserError: no network has that name.
    """
    builder = _find(name)
    options: set[str] = set()
    for parameter in inspect.signature(builder).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            options.add(parameter.name)
        elif parameter.kind is parameter.VAR_KEYWORD:
            # **options: Unpack[Options] of a TypedDict
            (fields,) = get_args(get_type_hints(builder)[parameter.name])
            options |= get_type_hints(fields).keys()
    return frozenset(options)


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
        own = {name for name in options if name not in ("arc", "width", "dropout")}
        unknown = sorted(self.options.keys() - own)
        if unknown:
            raise ValueError(
                f"options: {self.name} has no option {', '.join(unknown)}; it has {', '.join(sorted(own))}"
            )
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


def _find(name: str) -> Builder:
    if name not in _BUILDERS:
        close = difflib.get_close_matches(name, _BUILDERS, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "`recircle models` lists the names"
        raise UserError(f"no network is called {name!r}; {hint}")
    return _BUILDERS[name]
