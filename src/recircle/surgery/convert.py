"""Turn layers of any network into ARC layers, in place, under the same names and with the same values."""

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from html import escape
from math import prod
from typing import TypeVar, cast

from torch import nn

from recircle.arc.config import ArcConfig
from recircle.arc.convolutions import ArcConv1d, ArcConv2d, ArcConv3d
from recircle.arc.linear import ArcLinear
from recircle.arc.module import ArcLayer
from recircle.arc.sliced_norm import slice_norm
from recircle.errors import UserError
from recircle.layers import frames
from recircle.public import public
from recircle.surgery.tracing import Site, find_sites, operator_of
from recircle.torch_internals import Convolution, has_hooks

Where = str | Sequence[str] | Callable[[str, nn.Module], bool]
"""Which layers: glob patterns of names, or a function of name and layer."""

Network = TypeVar("Network", bound=nn.Module)


@public
@dataclass(frozen=True)
class Converted:
    """A layer that became an ARC layer: its name, what is fed back, and why not more where it might be."""

    name: str
    feedback: str
    note: str = ""


@public
@dataclass(frozen=True)
class Skipped:
    """A layer that stayed as it was, and why."""

    name: str
    reason: str


@public
@dataclass(frozen=True)
class Conversion:
    """What `convert` did to a network; `print` it."""

    config: ArcConfig
    converted: tuple[Converted, ...]
    left: tuple[Skipped, ...]

    def __str__(self) -> str:
        lines = [f"{len(self.converted)} layers converted to ARC with {self.config.steps} steps:"]
        lines += [f"  {c.name}: feeds back {c.feedback}" + (f"; {c.note}" if c.note else "") for c in self.converted]
        lines += [f"{len(self.left)} layers left as they were:"] if self.left else []
        lines += [f"  {entry.name}: {entry.reason}" for entry in self.left]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show the layers in a notebook: those that were converted, and, folded, the others with the reason."""
        cell = "padding:.1em .8em .1em 0;text-align:left;background:none;border:none"

        def table(rows: Sequence[tuple[str, str]]) -> str:
            lines = "".join(
                f'<tr style="background:none"><td style="{cell}"><code>{escape(name)}</code></td>'
                f'<td style="{cell}">{escape(words)}</td></tr>'
                for name, words in rows
            )
            return f'<table style="border-collapse:collapse;margin:0;color:inherit">{lines}</table>'

        converted = table(
            [(c.name, f"feeds back {c.feedback}" + (f"; {c.note}" if c.note else "")) for c in self.converted]
        )
        left = table([(entry.name, entry.reason) for entry in self.left])
        return (
            f'<div style="color:inherit"><b>{len(self.converted)} layers converted to ARC with {self.config.steps} '
            f"steps</b>{converted}<details><summary>{len(self.left)} layers left as they were</summary>{left}</details>"
            "</div>"
        )


@public
def convert(
    model: Network,
    steps: int | None = None,
    *,
    config: ArcConfig | None = None,
    where: Where | None = None,
    stages: Collection[int | str] | None = None,
    stem: bool = False,
) -> Network:
    """Turn layers of `model` into ARC layers, in place.

    The layers keep their weights, and the state dict keeps its names; the new matrices are added to it. With matrices
    at their initial values the network computes what it did before (the multiplicative interaction excepted, which
    starts by halving the state). A norm and an activation that directly follow a layer become part of what it feeds
    back. `print(arc_report(model))` shows
    what was done.

    Args:
        model: any network; it is changed and returned. Networks that fold frames into the batch, as image networks
            do, learn T from `recircle.FrameModel`.
        steps: n; None is that of `config`, by default 4.
        config: the variant; None is `ArcConfig.paper()`. `signed_input` is switched on by itself for layers whose
            input is not known to be >= 0.
        where: which layers; None takes all convolutions but the 1x1 ones (paper, Sec. 4.2). Patterns such as
            "blocks.*.mlp.fc1" or a function can also take 1x1 convolutions and linear layers.
        stages: only layers in these parts: names such as "layer3", or numbers i for "layer<i>"; or the names as one
            text, "layer3,layer4", as a command line and a saved config have it.
        stem: also convert layers that read the network's input (for the published layer they are plain).

    Returns:
        `model`.

    Raises:
        UserError: `model` is not a network, but for example its name.
        ValueError: nothing could be converted, or `stages` names a part that does not exist; the message says what
            there is.
    """
    if not isinstance(model, nn.Module):
        hint = ""
        if isinstance(model, str):
            hint = f"; recircle.create_model({model!r}, num_classes) makes the network of that name"
        raise UserError(f"convert takes a network (torch.nn.Module), not {model!r}{hint}")
    config = config or ArcConfig()
    if steps is not None:
        config = replace(config, steps=steps)
    if operator_of(model):
        raise ValueError("convert takes a network; for a single layer use ArcConv2d.from_layers(layer) or its sisters")
    prefixes = None if stages is None else _stage_prefixes(model, stages)
    converted: list[Converted] = []
    left: list[Skipped] = []
    for name, site in find_sites(model).items():
        layer = model.get_submodule(name)
        reason = _reason_to_leave(name, layer, site, where, prefixes, stem)
        if reason is None:
            try:
                converted.append(_convert_one(model, layer, site, config))
                continue
            except ValueError as error:
                reason = str(error)
                warnings.warn(f"{name} is not converted: {reason}", stacklevel=2)
        left.append(Skipped(name, reason))
    left += [
        Skipped(name, "already an ARC layer") for name, m in model.named_modules() if _was_there(m, name, converted)
    ]
    left += [
        Skipped(name, f"{type(m).__module__}.{type(m).__name__} has no ARC form")
        for name, m in model.named_modules()
        if isinstance(m, (Convolution, nn.Linear)) and not isinstance(m, ArcLayer) and operator_of(m) is None
    ]
    report = Conversion(config, tuple(converted), tuple(left))
    if not converted:
        reasons = "\n".join(f"  {entry.name}: {entry.reason}" for entry in left[:20]) or "  it has no such layers"
        raise ValueError(f"no layer of this {type(model).__name__} was converted:\n{reasons}")
    model.arc_report = report  # pyright: ignore[reportArgumentType]  (torch's stub expects tensors and modules)
    return model


@public
def arc_report(model: nn.Module) -> Conversion:
    """Return what `convert` did to `model`.

    Raises:
        ValueError: `model` has not been converted.
    """
    report = getattr(model, "arc_report", None)
    if not isinstance(report, Conversion):
        raise ValueError(f"this {type(model).__name__} has not been converted; see recircle.convert")
    return report


def _was_there(module: nn.Module, name: str, converted: list[Converted]) -> bool:
    return isinstance(module, ArcLayer) and all(name != c.name for c in converted)


def _reason_to_leave(
    name: str, layer: nn.Module, site: Site, where: Where | None, prefixes: list[str] | None, stem: bool
) -> str | None:
    if prefixes is not None and not any(name.startswith(p) for p in prefixes):
        return "outside the chosen stages"
    if where is None:
        if isinstance(layer, nn.Linear):
            return "a linear layer; choose it with where="
        if prod(cast(nn.Conv2d, layer).kernel_size) == 1:
            return "a 1x1 convolution; choose it with where="
    elif not (where(name, layer) if callable(where) else any(fnmatch(name, p) for p in _patterns(where))):
        return "not chosen by where="
    if site.reads_input and not stem:
        return "the stem, which reads the network's input; stem=True converts it"
    if has_hooks(layer):
        return "it has forward hooks, which would be lost; remove them first"
    return None


def _patterns(where: str | Sequence[str]) -> Sequence[str]:
    return [where] if isinstance(where, str) else where


def _stage_prefixes(model: nn.Module, stages: Collection[int | str]) -> list[str]:
    listed = stages.replace(",", " ").split() if isinstance(stages, str) else stages
    names = [f"layer{s}" if isinstance(s, int) else s for s in listed]
    known = {name for name, _ in model.named_modules()}
    for name in names:
        if name not in known:
            parts = ", ".join(n for n in sorted(known) if n and "." not in n)
            raise ValueError(f"stages: this network has no part {name!r}; its parts are {parts}")
    return [name + "." for name in names]


def _convert_one(model: nn.Module, layer: nn.Module, site: Site, config: ArcConfig) -> Converted:
    config = replace(config, signed_input=config.signed_input or not site.nonnegative)
    note = site.note
    norm = act = None
    if config.feedback == "norm_act":
        old_norm = None if site.norm is None else model.get_submodule(site.norm)
        norm = None if old_norm is None else slice_norm(old_norm, config.steps)
        if old_norm is not None and norm is None:
            note = f"its {type(old_norm).__name__} cannot be applied in steps, so the bare operator is fed back"
        else:
            act = site.act
    if isinstance(layer, nn.Linear):
        if norm is not None:
            norm, act, note = None, None, "norms over tokens are not applied in steps, so the bare operator is fed back"
        new: ArcLinear | ArcConv2d = ArcLinear.from_layers(layer, act, config)
        new.frames = 1
    else:
        new = _CONVOLUTIONS[operator_of(layer)].from_layers(layer, norm, act, config)
    new.unregister_epilogue()
    model.set_submodule(site.name, new)
    if norm is not None and site.norm is not None:
        model.set_submodule(site.norm, norm)
    if act is not None and site.act_name is not None:
        model.set_submodule(site.act_name, nn.Identity())
    kind = "linear" if isinstance(layer, nn.Linear) else "convolution"
    fed = [kind] + [type(m).__name__.removeprefix("Sliced") for m in (norm, act) if m is not None]
    return Converted(site.name, " + ".join(fed), note)


_CONVOLUTIONS: dict[type[nn.Module] | None, type[ArcConv2d]] = {
    nn.Conv1d: cast(type[ArcConv2d], ArcConv1d),
    nn.Conv2d: ArcConv2d,
    frames.Conv2d: ArcConv2d,
    nn.Conv3d: cast(type[ArcConv2d], ArcConv3d),
}
