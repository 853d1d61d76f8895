"""The names of the networks, and how to make one from its name."""

import difflib
import fnmatch
import functools
import inspect
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar, overload

import torch
import tyro

from recircle.arc.config import ArcConfig
from recircle.errors import UserError
from recircle.models import discovery
from recircle.models.base import VideoModel
from recircle.models.builder import Builder, Registered
from recircle.models.checkpoints import load_pretrained
from recircle.models.hosts.build import host_builder
from recircle.models.hosts.source import Host, is_host, read_host
from recircle.models.online import no_causal_form
from recircle.models.weights.table import find_weights, is_name
from recircle.models.wrapped import Takes
from recircle.public import public

B = TypeVar("B", bound=Builder)
Option = bool | int | float | str
SCRATCH = "none"
"""As `pretrained` of a network of another library: drawn weights instead of those of its name."""
FIELDS = ("arc", "width", "dropout", "causal")
"""Options of networks that are fields of `ModelConfig` themselves."""
SIZES = ("width", "depth")
"""Options that change the shapes of a network's trunk."""

_BUILDERS: dict[str, Registered] = {}


@overload
def register_model(builder: B, *, name: str | None = None, takes: Takes | None = None, replace: bool = False) -> B: ...
@overload
def register_model(
    builder: None = None, *, name: str | None = None, takes: Takes | None = None, replace: bool = False
) -> Callable[[B], B]: ...
@public
def register_model(
    builder: B | None = None, *, name: str | None = None, takes: Takes | None = None, replace: bool = False
) -> B | Callable[[B], B]:
    """Make a network known to `create_model` and to training, as a decorator: `@register_model`.

    A run that is trained by the name remembers the module that the function is in, and imports it again. The commands
    learn the name by `--import MODULE`, or from the entry points of installed packages in the group `recircle.models`.

    Args:
        builder: a function or class. Its first parameter is the number of classes; its others are the network's
            options, of which those without a default have to be given. It returns a `VideoModel`; or any other network,
            and `takes` says what that takes, unless it is a `FrameModel`. The first line of its docstring is what
            `recircle models` says of it. Left out where another argument is given: `@register_model(name="mine")`.
        name: what the network is called; None takes the name of the function.
        takes: what the network takes that is no `VideoModel`: images [N, 3, H, W] ("NCHW"), or clips [B, T, 3, H, W]
            ("BTCHW") or [B, 3, T, H, W] ("BCTHW").
        replace: forget a network that had this name, as when a cell of a notebook runs again.

    Raises:
        UserError: the name is taken, or is none; or the function takes no number of classes.
    """
    if builder is None:
        return functools.partial(register_model, name=name, takes=takes, replace=replace)
    if not callable(builder):
        raise UserError(f"register_model takes the function that builds a network, not {builder!r}")
    called = name if name is not None else getattr(builder, "__name__", "")
    if not re.fullmatch(r"\w[\w.-]*", called):
        raise UserError(
            f"{called!r} cannot be the name of a network; give one, such as register_model(..., name='my_network')"
        )
    if called in _BUILDERS and not replace:
        raise UserError(
            f"there is a network {called!r} already, built by {_BUILDERS[called].origin}; give this one "
            "another name, or register it with replace=True"
        )
    registered = Registered(builder, takes)
    registered.check(called)
    _BUILDERS[called] = registered
    return builder


@public
def create_model(name: str, num_classes: int, *, pretrained: str | Path | None = None, **options: Any) -> VideoModel:
    """Return a new network that maps clips [B, T, 3, H, W] to logits [B, num_classes], for any T.

    Args:
        name: one of `list_models()`; or a network of another library: "hf:OWNER/NAME" or "hf:FOLDER" of transformers,
            "timm:NAME" of timm, see docs/hosts.md.
        num_classes: K.
        pretrained: where its weights start: None draws them, or takes those of the name of a network of another
            library, which "none" draws; the name of known weights, or of what they were trained on ("imagenet",
            "kinetics400"), fetches these; or a run, by its folder or as "hf:OWNER/NAME"; or the path of a weight file,
            see `recircle.models.checkpoints.load_weights`. `recircle weights NAME` lists those that are known for a
            network. A classifier of another number of classes is left out; `model.load_report` says what was loaded.
        **options: `dropout` before the classifier (0.5); `width`, channels of the stem (smaller: a narrower network
            throughout); for those of TSN and TSM `causal`, to look at no later frames, so that they can run frame by
            frame (`VideoModel.forward_step`); and for the networks with ARC `steps` (4), or `arc`, the whole
            `ArcConfig`, and `stages` and `stem`, see `recircle.convert`.

    Raises:
        UserError: no network has that name, or it has no such option, or one that it needs is not given, or the weights
            cannot be loaded; or a registered function returned no network, or one of other classes.
        ValueError: an option has a wrong value.
    """
    if is_host(name):
        return _create(name, num_classes, read_host(name), pretrained, options)
    return _create(name, num_classes, None, pretrained, options)


def _create(
    name: str,
    num_classes: int,
    host: Host | None,
    pretrained: str | Path | None,
    options: Mapping[str, Any],
    labels: Sequence[str] = (),
) -> VideoModel:
    known, more = _find(name).options()
    if "causal" in options and "causal" not in known and not more:
        if options["causal"]:
            raise UserError(f"causal=True: {no_causal_form(name)}")
        options = {key: value for key, value in options.items() if key != "causal"}
    unknown = _unknown(name, options)
    if unknown:
        raise UserError(f"{name} has no option {unknown}")
    registered = _find(name) if host is None else host_builder(name, host, weights=pretrained is None, labels=labels)
    model = registered.build(name, num_classes, options)
    if pretrained is not None and not (host is not None and pretrained == SCRATCH):
        if is_name(pretrained):
            _check_size(model, registered, options, str(pretrained))
        model.load_report = load_pretrained(model, pretrained)
    return model


@public
def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the networks that match a pattern such as `arc_*`, in alphabetical order."""
    _load_announced()
    return sorted(fnmatch.filter(_BUILDERS, pattern))


@public
def model_summary(name: str) -> str:
    """Return in one line what the network is.

    Raises:
        UserError: no network has that name.
    """
    registered = _find(name)
    return (inspect.getdoc(registered.function) or f"Built by {registered.origin}.").partition("\n")[0]


def model_options(name: str) -> frozenset[str]:
    """Return the names of the options that a network is known to take.

    Raises:
        UserError: no network has that name.
    """
    return _find(name).options()[0]


def needed_options(name: str) -> frozenset[str]:
    """Return the names of the options without which a network cannot be built.

    Raises:
        UserError: no network has that name.
    """
    return _find(name).needed


def name_of(builder: object) -> str | None:
    """Return the name that a function is registered under, or None."""
    return next((name for name, registered in _BUILDERS.items() if registered.function is builder), None)


@public
@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """How to build a network; it is saved with its weights.

    A name that is not known is looked for in `module`, which is imported then and told.

    Attributes:
        name: one of `list_models()`; of a network that was given as an object, that of its class.
        arc: the variant of its ARC layers; None is the paper's.
        width: channels of the stem; None is the published width.
        dropout: before the classifier; None is the published rate.
        causal: look at no later frames, so that the network can run frame by frame; TSN and TSM can, with ARC or
            without.
        pretrained: None, the name of known weights such as "imagenet", or a run or a weight file; see `create_model`.
        options: what else this network's builder takes, such as {"snippet": 1} for ABM.
        module: the module outside of this package that registers the name; it is filled in.
        given: what a network takes that `recircle.train` was given as an object, see `register_model`; None for those
            that are built by their name.
        host: of a network of another library, all that builds it again without that library's hub; it is filled in.
    """

    name: str
    arc: ArcConfig | None = None
    width: int | None = None
    dropout: float | None = None
    causal: bool = False
    pretrained: str | None = None
    options: dict[str, Option] = field(default_factory=dict)
    module: str = ""
    given: Takes | None = None
    host: Annotated[Host | None, tyro.conf.Fixed, tyro.conf.Suppress] = None

    def __post_init__(self) -> None:
        if self.given is not None:
            self._check_given()
            return
        if not is_host(self.name):
            object.__setattr__(self, "host", None)
        elif self.host is None or self.host.name != self.name:
            object.__setattr__(self, "host", read_host(self.name))
        _import_for(self.name, self.module)
        object.__setattr__(self, "module", _find(self.name).module)
        options = model_options(self.name)
        for name in sorted(self.options.keys() & {*FIELDS}):
            raise ValueError(f"options: {name} has a field of its own; give {name}={self.options[name]!r} instead")
        unknown = _unknown(self.name, self.options, but=FIELDS)
        if unknown:
            raise ValueError(f"options: {self.name} has no option {unknown}")
        if self.arc is not None and "arc" not in options:
            plain = f"arc_{self.name}"
            hint = f"; use {plain}" if plain in _BUILDERS else ""
            raise ValueError(f"arc is given, but {self.name} has no ARC layers{hint}")
        if self.arc is not None and self.arc.causal and "causal" in options:
            # the layers alone do not make a causal network
            object.__setattr__(self, "causal", True)
        if self.causal and "causal" not in options:
            raise ValueError(f"causal=True: {no_causal_form(self.name)}")
        if self.width is not None and self.width < 8:
            raise ValueError(f"width={self.width} is too narrow; the stem needs 8 channels or more")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} is the share of features left out; give a value in [0, 1)")

    @property
    def title(self) -> str:
        """The name, and what is not as by default: "arc_tsm_resnet18 (temporal, n = 2, causal)"."""
        words: list[str] = []
        if self.arc is not None:
            words += [self.arc.preset_name or "ARC of its own kind", f"n = {self.arc.steps}"]
        words += ["causal"] * self.causal
        return f"{self.name} ({', '.join(words)})" if words else self.name

    def _check_given(self) -> None:
        if self.arc or self.width or self.dropout is not None or self.causal or self.pretrained or self.options:
            raise ValueError(
                "arc, width, dropout, causal, pretrained and options are for networks that are built by a name; "
                f"{self.name} was given as an object, so change it before that"
            )

    def build(self, num_classes: int, labels: Sequence[str] = ()) -> VideoModel:
        """Return a new network; see `create_model` for what can go wrong.

        Args:
            num_classes: K.
            labels: their names; a network of another library keeps a classifier that came with it for the same ones.

        Raises:
            UserError: the network was given as an object, so that nothing here builds it.
        """
        return self._build(num_classes, self.pretrained, labels)

    def build_empty(self, num_classes: int) -> VideoModel:
        """Return a new network whose weights do not matter; none are read.

        Raises:
            UserError: as for `build`.
        """
        return self._build(num_classes, None if self.host is None else SCRATCH)

    def _build(self, num_classes: int, pretrained: str | None, labels: Sequence[str] = ()) -> VideoModel:
        if self.given is not None:
            raise UserError(
                f"the network, {self.name}, was given to recircle.train as an object, and no name builds it: go on "
                "from Python with one like it. For the commands, train by the name of a function with "
                "@recircle.register_model"
            )
        options: dict[str, Any] = dict(self.options)
        if pretrained == SCRATCH:
            options.pop("keep_head", None)
        if self.dropout is not None:
            options["dropout"] = self.dropout
        if self.arc is not None:
            options["arc"] = self.arc
        if self.width is not None:
            options["width"] = self.width
        if self.causal:
            options["causal"] = True
        return _create(self.name, num_classes, self.host, pretrained, options, labels)


def _check_size(model: VideoModel, registered: Registered, options: Mapping[str, Any], called: str) -> None:
    """Insist that a network has the size that published weights have, before these are fetched.

    Raises:
        UserError: it has not, or no weights of that name fit it.
    """
    find_weights(model.name, called)
    changed = [name for name in SIZES if name in options]
    if not changed:
        return
    with torch.device("meta"):
        published = registered.build(
            model.name, model.num_classes, {k: v for k, v in options.items() if k not in SIZES}
        )
    if [value.shape for value in model.parameters()] != [value.shape for value in published.parameters()]:
        given = ", ".join(f"{name}={options[name]}" for name in changed)
        raise UserError(
            f"{model.name} with {given} is of another size than its published weights ({called}); leave that out, or "
            "start from a file of a network like it"
        )


def _unknown(name: str, given: Mapping[str, object], but: Sequence[str] = ()) -> str:
    """Return in words which options a network does not have, and which it has; empty if it has all that are given."""
    known, more = _find(name).options()
    own = known.difference(but)
    unknown = sorted(given.keys() - own)
    if not unknown or (more and not given.keys() & set(but)):
        return ""
    return f"{', '.join(unknown)}; it has {', '.join(sorted(own)) or 'none'}"


def _find(name: str) -> Registered:
    if is_host(name):
        return host_builder(name)
    if name not in _BUILDERS:
        _load_announced()
    if name not in _BUILDERS:
        close = difflib.get_close_matches(name, _BUILDERS, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "`recircle models` lists the names."
        raise UserError(
            f"no network is called {name!r}; {hint} One of your own is known once the module that registers it is "
            "imported (--import MODULE on the command line)"
        )
    return _BUILDERS[name]


def _import_for(name: str, module: str) -> None:
    """Import the module that registers a network, where it is not known yet.

    Raises:
        UserError: the module cannot be imported, or does not register it.
    """
    if name in _BUILDERS or not module:
        return
    warnings.warn(f"importing {module}, whose code registers the network {name}", stacklevel=4)
    try:
        discovery.import_networks(module)
    except UserError as error:
        raise UserError(f"the network {name!r} is registered by {module}, and {error}") from None
    _load_announced()
    if name not in _BUILDERS:
        raise UserError(
            f"the module {module} registers no network {name!r} any more; decorate the function that builds it with "
            "@recircle.register_model"
        )


@functools.cache
def _load_announced() -> None:
    """Load, once, the networks that installed packages announce.

    Warns:
        UserWarning: one of them cannot be loaded, or its name is taken; the others are there.
    """
    for point in discovery.announced():
        try:
            builder = discovery.load_announced(point)
            known = _BUILDERS.get(point.name)
            # importing its module may have registered it, by a decorator
            if builder is not None and (known is None or known.function is not builder):
                register_model(builder, name=point.name)
        except UserError as error:
            warnings.warn(f"the network {point.name!r} ({discovery.where(point)}) is left out: {error}", stacklevel=2)
