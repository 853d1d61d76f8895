"""Ready a trained network for running: batch norms folded into the layers before them, activations in place."""

import copy
import operator
from collections import Counter, defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.parametrize import is_parametrized

from recircle.arc.module import ArcLayer
from recircle.arc.sliced_norm import SlicedBatchNorm, is_elementwise
from recircle.layers import frames
from recircle.layers.reordered import keep_reordered
from recircle.public import public
from recircle.surgery.convert import Network, Skipped
from recircle.surgery.frame_model import FrameModel
from recircle.surgery.tracing import find_sites, operator_of, trace
from recircle.torch_internals import BatchNorm, RunningNorm, has_hooks, own_parameter


@public
@dataclass(frozen=True)
class Folded:
    """A batch norm that became part of a layer: its name and the layer's."""

    norm: str
    into: str


@public
@dataclass(frozen=True)
class Preparation:
    """What `prepare_for_inference` did to a network; `print` it.

    Attributes:
        folded: norms that are part of the layer before them.
        left: norms that stayed, and why.
        superposed: names of the ARC layers whose operator runs once for all steps.
        in_place: names of the activations that overwrite their input.
        channels_last: the weights of 2-D and 3-D convolutions lie channels last in memory.
        reordered: names of the convolutions that keep their weights in the order in which a CPU reads them, made at
            the first call with each shape of clips.
    """

    folded: tuple[Folded, ...]
    left: tuple[Skipped, ...]
    superposed: tuple[str, ...]
    in_place: tuple[str, ...]
    channels_last: bool
    reordered: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{len(self.folded)} batch norms folded:"]
        lines += [f"  {entry.norm} into {entry.into}" for entry in self.folded]
        lines += [f"{len(self.left)} norms left as they were:"] if self.left else []
        lines += [f"  {entry.name}: {entry.reason}" for entry in self.left]
        lines += [f"{len(self.superposed)} ARC layers run their operator once:"] if self.superposed else []
        lines += [f"  {name}" for name in self.superposed]
        lines += [f"{len(self.in_place)} activations in place" + (":" if self.in_place else "")]
        lines += [f"  {name}" for name in self.in_place]
        lines += ["convolutions channels last" if self.channels_last else f"memory format kept: {_LAYOUT_UNKNOWN}"]
        lines += [f"{len(self.reordered)} convolutions keep reordered weights"]
        return "\n".join(lines)


@public
def prepare_for_inference(model: Network) -> Network:
    """Return a copy of `model` in evaluation mode that computes the same, up to rounding, in less time.

    Batch norms that a convolution or linear layer hands its output to, and nothing else does, become part of its weight
    and bias; so do those of ARC layers, unless these feed back features that are not normalised yet
    (`feedback="operator"`). ARC layers whose state is a plain sum, such as those of `ArcConfig.temporal()`, run their
    operator once for all steps. Activations overwrite their input where nothing else needs it. Weights of 2-D and 3-D
    convolutions are laid out channels last, if nothing in the network can depend on how its feature maps lie in memory;
    the maps are then laid out so as well. On a CPU such convolutions also keep their weights as oneDNN reads them, for
    the last shapes of clips, which takes the memory of the weights once more for each. No parameter wants a gradient.
    `print(prepare_report(copy))` shows what was done.

    The copy can be moved, pickled and copied like any network, and several threads can run it.

    The copy is for running, not for saving: names of its state dict are missing and others are new, so that its weights
    fit no network that is built from a config. Nor is it for training, which would need the norms that are gone.

    Args:
        model: any network, converted or not; it stays as it is. Preparing a prepared one again changes nothing.
    """
    earlier = getattr(model, "prepare_report", None)
    prepared = copy.deepcopy(model).eval().requires_grad_(False)
    graphs = [*trace(prepared, "")]
    folded, reasons = _fold_norms(prepared, graphs)
    in_place = _overwrite_inputs(prepared, graphs)
    channels_last = _layout_is_free(prepared, graphs)
    if channels_last:
        _lay_out(prepared)
    superposed = [name for name, layer in prepared.named_modules() if isinstance(layer, ArcLayer) and layer.superpose()]
    reordered = _keep_reordered(prepared) if channels_last else []
    report = Preparation(
        folded=(*(earlier.folded if isinstance(earlier, Preparation) else ()), *folded),
        left=tuple(Skipped(name, reason) for name, reason in reasons.items()),
        superposed=tuple(superposed),
        in_place=tuple(in_place),
        channels_last=channels_last,
        reordered=tuple(reordered),
    )
    prepared.prepare_report = report  # pyright: ignore[reportArgumentType]  (torch's stub expects tensors and modules)
    return prepared


@public
def prepare_report(model: nn.Module) -> Preparation:
    """Return what `prepare_for_inference` did to `model`.

    Raises:
        ValueError: `model` has not been prepared.
    """
    report = getattr(model, "prepare_report", None)
    if not isinstance(report, Preparation):
        raise ValueError(f"this {type(model).__name__} has not been prepared; see recircle.prepare_for_inference")
    return report


_Graphs = list[tuple[str, fx.Graph]]
"""What `tracing` finds: the name of each part that can be traced, with a dot behind it, and its graph."""


def _fold_norms(model: nn.Module, graphs: _Graphs) -> tuple[list[Folded], dict[str, str]]:
    """Fold what can be folded; return that, and for each norm that stays the reason."""
    norms = {name: module for name, module in model.named_modules() if isinstance(module, _NORMS)}
    arcs = [(name, m, m.norm) for name, m in model.named_modules() if isinstance(m, ArcLayer) and m.norm is not None]
    uses = _Uses(model, graphs)
    reasons = {name: _reason_of_kind(norm) or uses.reason_of_place(name) for name, norm in norms.items()}
    folded: list[Folded] = []

    serves = Counter(id(norm) for _, _, norm in arcs)
    place_of = {id(norm): name for name, norm in norms.items()}
    for name, layer, norm in arcs:
        place = place_of.get(id(norm), f"{name}.norm".lstrip("."))
        reason = _reason_of_kind(norm) or _reason_of_arc(layer) or uses.reason_to_keep(name, layer)
        if reason is None:
            several = serves[id(norm)] > 1
            reason = "it serves several ARC layers" if several else uses.reason_to_keep(place, norm)
        if reason is not None:
            reasons[place] = reason
            continue
        _fold(layer, norm)
        layer.norm = None
        if norms.get(place) is norm and place != f"{name}.norm".lstrip("."):
            model.set_submodule(place, nn.Identity().eval())  # there it only passed its input on
        folded.append(Folded(place, name))

    for site in find_sites(model).values():
        if site.norm is None or _reason_of_kind(norms[site.norm]) is not None:
            continue
        layer, norm = model.get_submodule(site.name), norms[site.norm]
        reason = uses.reason_to_keep(site.name, layer) or uses.reason_to_keep(site.norm, norm)
        if reason is not None:
            reasons[site.norm] = reason
            continue
        _fold(layer, norm)
        rest = _Rows() if isinstance(layer, nn.Linear) else nn.Identity()
        model.set_submodule(site.norm, rest.eval())
        folded.append(Folded(site.norm, site.name))

    gone = {entry.norm for entry in folded}
    return folded, {name: reason for name, reason in reasons.items() if name not in gone}


@torch.no_grad()
def _fold(layer: nn.Module, norm: nn.Module) -> None:
    """Make the layer compute what the norm makes of its output."""
    assert isinstance(norm, BatchNorm)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = layer.get_parameter("weight"), layer.bias
    like = torch.empty(0, device=weight.device, dtype=torch.promote_types(weight.dtype, torch.float32))
    scale = torch.rsqrt(norm.running_var.to(like) + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.to(like)
    shift = -norm.running_mean.to(like)
    if isinstance(bias, Tensor):
        shift = shift + bias.to(like)
    shift = shift * scale
    if norm.bias is not None:
        shift = shift + norm.bias.to(like)
    rows = scale.reshape(-1, *[1] * (weight.dim() - 1))
    layer.weight = nn.Parameter((weight.to(like) * rows).to(weight.dtype), requires_grad=False)
    layer.bias = nn.Parameter(shift.to(weight.dtype), requires_grad=False)


@public
class _Rows(nn.Identity):
    """What is left of a norm behind a linear layer: on rows [N, C] it normalised C, on tokens [N, L, C] it did L."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        if input.dim() != 2:
            raise ValueError(
                f"a batch norm was folded into the linear layer before it, which is right for rows [N, C]; this input "
                f"has the shape {tuple(input.shape)}, so run the network as it was before prepare_for_inference"
            )
        return input


class _Uses:
    """What is known of the modules of a network beside their own parameters."""

    def __init__(self, model: nn.Module, graphs: _Graphs) -> None:
        self.registered = Counter(id(m) for _, m in model.named_modules(remove_duplicate=False))
        self.read: set[str] = set()
        self.after_arc: set[str] = set()
        for prefix, graph in graphs:
            modules = _called(model, prefix, graph)
            self.read |= {
                (prefix + str(node.target)).rpartition(".")[0] for node in graph.nodes if node.op == "get_attr"
            }
            self.after_arc |= {
                prefix + str(node.target)
                for node in modules
                if node.all_input_nodes and isinstance(modules.get(node.all_input_nodes[0]), ArcLayer)
            }

    def reason_to_keep(self, name: str, module: nn.Module) -> str | None:
        """Tell why a layer or norm must stay what it is, or None."""
        if has_hooks(module):
            return f"{name} has forward hooks"
        if self.registered[id(module)] > 1:
            return f"{name} is registered under several names"
        if name in self.read:
            return f"another part of the network reads the parameters of {name}"
        return None

    def reason_of_place(self, name: str) -> str:
        """Tell why a norm is not taken for part of a layer, if it is not."""
        if name in self.after_arc:
            return _NOT_NORMALISED
        return "no convolution or linear layer hands its output to it, and to nothing else, once"


def _called(model: nn.Module, prefix: str, graph: fx.Graph) -> dict[fx.Node, nn.Module]:
    return {n: model.get_submodule(prefix + str(n.target)) for n in graph.nodes if n.op == "call_module"}


def _reason_of_kind(norm: nn.Module) -> str | None:
    """Tell why a norm is not a fixed scale and shift of each channel, or None if it is one."""
    if not isinstance(norm, BatchNorm):
        return f"a {type(norm).__name__.removeprefix('Sliced')} takes its statistics from its input"
    if norm.running_mean is None or norm.running_var is None:
        return "it keeps no running statistics"
    if type(norm) is not SlicedBatchNorm and type(norm).forward not in _BATCH_NORM_FORWARDS:
        return f"a {type(norm).__module__}.{type(norm).__name__} may do more than normalise"
    return None


def _reason_of_arc(layer: ArcLayer) -> str | None:
    """Tell why an ARC layer's own norm cannot become part of its weight, or None."""
    if layer.config.feedback == "operator":
        return _NOT_NORMALISED
    return "the weight of its layer is parametrized" if is_parametrized(layer) else None


def _overwrite_inputs(model: nn.Module, graphs: _Graphs) -> list[str]:
    """Let activations overwrite their input where that is a new tensor which nothing else sees; return their names."""
    done: list[str] = []
    for name, layer in model.named_modules():
        # its input is the operator's output or the norm's, and the features that are fed back are its output
        if isinstance(layer, ArcLayer) and layer.config.feedback == "norm_act" and _can_overwrite(layer.act):
            own = copy.deepcopy(layer.act)
            _set_in_place(own)
            if "act" in layer.__dict__:
                layer.__dict__["act"] = own
            else:
                layer.act = own
            done.append(f"{name}.act".lstrip("."))

    safe: defaultdict[nn.Module, list[bool]] = defaultdict(list)
    names: dict[nn.Module, str] = {}
    for prefix, graph in graphs:
        modules = _called(model, prefix, graph)
        for node, module in modules.items():
            if _can_overwrite(module):
                safe[module].append(all(_is_fresh(source, modules) for source in node.all_input_nodes))
                names.setdefault(module, prefix + str(node.target))
    registered = Counter(id(m) for _, m in model.named_modules(remove_duplicate=False))
    for module, calls in safe.items():
        if all(calls) and registered[id(module)] == 1:
            _set_in_place(module)
            done.append(names[module])
    return done


def _can_overwrite(module: nn.Module | None) -> bool:
    return module is not None and is_elementwise(module) and hasattr(module, "inplace") and not has_hooks(module)


def _set_in_place(module: nn.Module | None) -> None:
    module.inplace = True  # pyright: ignore


def _is_fresh(node: fx.Node, modules: dict[fx.Node, nn.Module]) -> bool:
    """Tell whether a node makes a new tensor, and only one other node sees it."""
    if len(node.users) != 1:
        return False
    if node in modules:
        module = modules[node]
        if has_hooks(module):
            return False
        if isinstance(module, nn.Identity):
            return all(_is_fresh(source, modules) for source in node.all_input_nodes)
        return operator_of(module) is not None or type(module).forward in _FRESH_FORWARDS
    if node.op not in ("call_function", "call_method"):
        return False
    if node.target in (operator.iadd, "add_"):
        return isinstance(node.args[0], fx.Node) and _is_fresh(node.args[0], modules)
    return node.target in (operator.add, torch.add, "add") and "out" not in node.kwargs


def _layout_is_free(model: nn.Module, graphs: _Graphs) -> bool:
    """Tell whether feature maps may lie in memory in another way; `Tensor.view` would refuse some."""
    whole = "net." if isinstance(model, FrameModel) else ""
    return (
        [prefix for prefix, _ in graphs] == [whole]
        and not any(
            node.op == "call_method" and node.target in ("view", "as_strided", "stride")
            for _, graph in graphs
            for node in graph.nodes
        )
        and all(
            type(module).__module__.split(".")[0] in ("torch", __name__.split(".")[0])
            for prefix, graph in graphs
            for module in _called(model, prefix, graph).values()
        )
    )


def _lay_out(model: nn.Module) -> None:
    for layer in model.modules():
        weight = own_parameter(layer, "weight")
        if isinstance(layer, nn.Conv2d | nn.Conv3d) and weight is not None:
            # a new parameter, since one may be shared with a layer of another kind
            order = torch.channels_last if weight.dim() == 4 else torch.channels_last_3d
            layer.weight = nn.Parameter(weight.detach().contiguous(memory_format=order), requires_grad=False)


def _keep_reordered(model: nn.Module) -> list[str]:
    """Let convolutions keep their weights in the order that they are read in; return their names."""
    return [
        name
        for name, layer in model.named_modules()
        if (layer.keep_reordered() if isinstance(layer, ArcLayer) else keep_reordered(layer))
    ]


_NORMS = (RunningNorm, nn.GroupNorm, nn.LayerNorm)
_NOT_NORMALISED = "the ARC layer before it feeds back features that are not normalised"
_LAYOUT_UNKNOWN = "the network's code may depend on it"
_BATCH_NORM_FORWARDS = (BatchNorm.forward, frames.BatchNorm2d.forward, nn.SyncBatchNorm.forward)
_FRESH_FORWARDS = (*_BATCH_NORM_FORWARDS, nn.GroupNorm.forward, nn.LayerNorm.forward)
