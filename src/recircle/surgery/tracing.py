"""Find convolutions and linear layers in any network, with the norm and activation that follow each."""

import copy
import operator
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.nn.utils.parametrize import is_parametrized

from recircle.arc.module import ArcLayer
from recircle.arc.sliced_norm import is_elementwise
from recircle.layers import frames
from recircle.layers.attention_shift import AttentionShift
from recircle.layers.reordered import ReorderedConv2d, ReorderedConv3d
from recircle.layers.rubiks_shift import RubiksShift
from recircle.layers.temporal_shift import TemporalShift
from recircle.torch_internals import BatchNorm, UncalledLinear

_OPERATORS: dict[type[nn.Module], type[nn.Module]] = {
    ReorderedConv2d: frames.Conv2d,
    ReorderedConv3d: nn.Conv3d,
    **{layer: layer for layer in (frames.Conv2d, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)},
}
_NOT_CALLED = UncalledLinear  # nn.MultiheadAttention reads its weight only


def operator_of(module: nn.Module) -> type[nn.Module] | None:
    """Return the torch layer that `module` computes exactly, if it has an ARC form, else None.

    A subclass counts if it computes nothing else: neither a forward nor a parametrization of its own.
    """
    for base, computed in _OPERATORS.items():
        if isinstance(module, base) and type(module).forward is base.forward:
            own = getattr(type(module), "_conv_forward", None) is not getattr(base, "_conv_forward", None)
            return None if own or is_parametrized(module) or isinstance(module, _NOT_CALLED) else computed
    return None


@dataclass(frozen=True, kw_only=True)
class Site:
    """A layer that could become an ARC layer.

    Attributes:
        name: of the layer in the network.
        norm: name of the norm that takes the layer's output and nothing else does, or None.
        act: the activation after that, or None.
        act_name: name of the activation's module where nothing else calls it; None where it stays in its place,
            which is harmless because it is idempotent.
        nonnegative: the input is known to be >= 0.
        reads_input: no other layer lies between the network's input and this one.
        note: why a norm or activation is not fed back, or "".
    """

    name: str
    norm: str | None = None
    act: nn.Module | None = None
    act_name: str | None = None
    nonnegative: bool = False
    reads_input: bool = False
    note: str = ""


def find_sites(model: nn.Module) -> dict[str, Site]:
    """Return the sites of a network by name, in the order of registration.

    The forward of the network is traced symbolically; where it cannot be, its parts are traced one by one. A layer
    that no trace reaches is a site without norm and activation.
    """
    found: dict[str, Site] = {}
    for prefix, graph in trace(model, ""):
        found.update(_sites_of(model, prefix, graph))
    names = [name for name, module in model.named_modules() if operator_of(module)]
    missing = "the forward around it cannot be traced, so the bare operator is fed back"
    sites = {name: found.get(name, Site(name=name, note=missing)) for name in names}
    if names and not any(site.reads_input for site in sites.values()):
        sites[names[0]] = replace(sites[names[0]], reads_input=True)
    return sites


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        childless = next(m.children(), None) is None
        return childless or isinstance(m, ArcLayer) or super().is_leaf_module(m, module_qualified_name)


def trace(module: nn.Module, prefix: str) -> Iterator[tuple[str, fx.Graph]]:
    """Yield the graph of `module` under the prefix of its names; where it has none, those of its parts."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = _Tracer().trace(module)
    except Exception:  # arbitrary forward code may raise anything when it meets symbols
        for name, child in module.named_children():
            yield from trace(child, f"{prefix}{name}.")
    else:
        yield prefix, graph


def _sites_of(model: nn.Module, prefix: str, graph: fx.Graph) -> dict[str, Site]:
    calls = [node for node in graph.nodes if node.op == "call_module"]
    modules = {node: model.get_submodule(prefix + str(node.target)) for node in calls}
    times = Counter(str(node.target) for node in calls)
    signs: dict[fx.Node, bool] = {}
    fed: dict[fx.Node, bool] = {}
    for node in graph.nodes:
        signs[node] = _nonnegative(node, modules, signs)
        behind = any(fed[n] for n in node.all_input_nodes)
        fed[node] = behind or (node in modules and operator_of(modules[node]) is not None)

    sites: dict[str, Site] = {}
    for node in calls:
        if operator_of(modules[node]) is None:
            continue
        name, source = prefix + str(node.target), node.all_input_nodes[0]
        site = Site(name=name, nonnegative=signs[source], reads_input=prefix == "" and not fed[source])
        if times[str(node.target)] > 1:
            known = sites.get(name, site)
            note = "it is called more than once, so the bare operator is fed back"
            sites[name] = replace(site, nonnegative=site.nonnegative and known.nonnegative, note=note)
        else:
            sites[name] = _with_follower(site, node, prefix, modules, times)
    return sites


def _with_follower(
    site: Site, node: fx.Node, prefix: str, modules: dict[fx.Node, nn.Module], times: "Counter[str]"
) -> Site:
    following = _only_user(node, modules)
    if following in modules and isinstance(modules[following], _NORMS) and times[str(following.target)] == 1:
        site = replace(site, norm=prefix + str(following.target))
        following = _only_user(following, modules)
    if following is None:
        return site
    if following in modules and is_elementwise(modules[following]):
        act = modules[following]
        if times[str(following.target)] == 1:
            return replace(site, act=act, act_name=prefix + str(following.target))
        if isinstance(act, _IDEMPOTENT):
            return replace(site, act=copy.deepcopy(act))
        return replace(site, note=f"its {type(act).__name__} serves several layers, so it is not fed back")
    act = _functional_activation(following)
    if act is not None:
        return replace(site, act=act)
    if following.op in ("call_function", "call_method") and following.target in _OTHER_ACTIVATIONS:
        return replace(site, note="its activation is a function call, so it is not fed back")
    return site


def _only_user(node: fx.Node, modules: dict[fx.Node, nn.Module]) -> fx.Node | None:
    """Return the one node that uses `node`, looking through identities."""
    while len(node.users) == 1:
        node = next(iter(node.users))
        if not (node in modules and type(modules[node]) is nn.Identity):
            return node
    return None


def _functional_activation(node: fx.Node) -> nn.Module | None:
    if node.op == "call_function" and node.target in (F.relu, torch.relu, torch.relu_):
        return nn.ReLU()
    if node.op == "call_function" and node.target is F.relu6:
        return nn.ReLU6()
    if node.op == "call_method" and node.target in ("relu", "relu_"):
        return nn.ReLU()
    return None


def _nonnegative(node: fx.Node, modules: dict[fx.Node, nn.Module], signs: dict[fx.Node, bool]) -> bool:
    inputs = [signs[n] for n in node.all_input_nodes]
    if node in modules:
        module = modules[node]
        return isinstance(module, _MAKE_NONNEGATIVE) or (isinstance(module, _KEEP_SIGN) and all(inputs))
    if node.op in ("call_function", "call_method"):
        return node.target in _FUNCTIONS_MAKING_NONNEGATIVE or (
            node.target in _FUNCTIONS_KEEPING_SIGN and bool(inputs) and all(inputs)
        )
    return False


_NORMS = (BatchNorm, nn.GroupNorm, nn.LayerNorm)
_IDEMPOTENT = (nn.ReLU, nn.ReLU6)
_OTHER_ACTIVATIONS = (F.gelu, F.silu, F.elu, F.leaky_relu, F.hardswish, F.mish, torch.tanh, torch.sigmoid, "sigmoid")
_MAKE_NONNEGATIVE = (nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Hardsigmoid, nn.Softplus, nn.Softmax)
_KEEP_SIGN = (
    nn.Identity, nn.Dropout, nn.Dropout2d, nn.Dropout3d, nn.Flatten, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d,
    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d, TemporalShift, RubiksShift, AttentionShift,
)  # fmt: skip
_FUNCTIONS_MAKING_NONNEGATIVE = (F.relu, torch.relu, torch.relu_, F.relu6, torch.sigmoid, "relu", "relu_", "sigmoid")
_FUNCTIONS_KEEPING_SIGN = (
    operator.add, operator.iadd, operator.mul, torch.add, torch.mul, torch.cat, torch.flatten, operator.getitem,
    F.max_pool2d, F.max_pool3d, F.avg_pool2d, F.avg_pool3d, F.adaptive_avg_pool2d, F.dropout, torch.flip, "flip",
    "add", "add_", "mul", "view", "reshape", "flatten", "unflatten", "permute", "transpose", "contiguous",
)  # fmt: skip
