"""Let a captured network keep the frames of its clips in the batch: [B T, C, H, W] between its layers.

A layer for single frames folds [B, T, C, H, W] and gives the dimensions back, which costs PyTorch nothing. To what runs
exported files each change of shape may mean that a tensor is laid out anew, and five dimensions that it cannot be laid
out well.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from recircle.torch_internals import aten

_Shape = tuple[Any, Any]
"""The nodes of B and T."""


def fold_frames(program: torch.export.ExportedProgram) -> None:
    """Rewrite the graph so that what acts on each frame alone acts on folded frames; it computes the same."""
    _Folding(program).run()


class _Folding:
    """The pass over one graph.

    Each node whose value is [B, T, ...] and known folded is the unfolding of another node. What only unfolds, and is
    folded again by all that use it, falls away in the end.
    """

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        self._module = program.graph_module
        self._graph = self._module.graph
        self._inputs = {node for node in self._graph.nodes if node.name in program.graph_signature.user_inputs}
        self._folded: dict[fx.Node, tuple[fx.Node, _Shape]] = {}
        values = [node.meta.get("val") for node in self._inputs]
        self._mode: Any = next(filter(None, (getattr(value, "fake_mode", None) for value in values)), None)

    def run(self) -> None:
        """Rewrite the graph."""
        for node in list(self._graph.nodes):
            if node.op == "placeholder" and node in self._inputs:
                self._fold_input(node)
            elif node.op == "call_function" and self._mode is not None:
                self._visit(node)
        for node in reversed(list(self._graph.nodes)):
            known = node in self._folded or node.target in (_FLATTEN, _UNFLATTEN)
            if known and node.op == "call_function" and not node.users:
                self._graph.erase_node(node)
        self._graph.lint()
        self._module.recompile()

    def _fold_input(self, node: fx.Node) -> None:
        if not isinstance(node.meta["val"], Tensor) or node.meta["val"].dim() != 5:
            return
        sizes = [n for n in self._graph.nodes if n.target is _SIZE and n.args[0] is node]
        # a size that the file fixes is a number, and nothing asks for it
        shape = [size if isinstance(size, int) else None for size in node.meta["val"].shape[:2]]
        shape = [next((n for n in sizes if n.args[1] == d), shape[d]) for d in (0, 1)]
        asked = [size for size in shape if isinstance(size, fx.Node)]
        last = max([node, *asked], key=list(self._graph.nodes).index)
        if None in shape or any(other.op == "placeholder" for other in _after(last)):
            # nothing in the network asks for B and T, so no layer folds
            return
        with self._graph.inserting_after(last):
            folded = self._insert(_FLATTEN, (node, 0, 1))
        self._folded[node] = (folded, (shape[0], shape[1]))

    def _visit(self, node: fx.Node) -> None:
        source = node.args[0] if node.args else None
        if node.target is _UNFLATTEN and node.args[1] == 0 and len(_list(node.args[2])) == 2:
            sizes = _list(node.args[2])
            self._folded[node] = (_node(source), (sizes[0], sizes[1]))
        elif node.target is _FLATTEN and source in self._folded and self._flattens_frames(node):
            node.replace_all_uses_with(self._folded[_node(source)][0])
            self._graph.erase_node(node)
        elif node.target is _SLICE and source in self._folded and _takes_all(*node.args[2:]):
            node.replace_all_uses_with(_node(source))
            self._graph.erase_node(node)
        elif node.target is _ASSERT and source in self._folded and node.args[1:3] in ((), (None, None)):
            node.replace_input_with(_node(source), self._folded[_node(source)][0])
        else:
            arguments = self._arguments(node)
            if arguments is not None:
                self._replace(node, *arguments)

    def _flattens_frames(self, node: fx.Node) -> bool:
        dims = _node(node.args[0]).meta["val"].dim()
        first, last = (*node.args[1:], 0, -1)[:2] if len(node.args) < 3 else node.args[1:3]
        return first == 0 and int(last) % dims == 1  # pyright: ignore

    def _arguments(self, node: fx.Node) -> tuple[tuple[Any, ...], _Shape] | None:
        """Return what the node's operator takes to do the same to folded frames, or None if it cannot."""
        target: Any = node.target
        shapes = {self._folded[n][1] for n in node.all_input_nodes if n in self._folded}
        if len(shapes) != 1 or node.kwargs.keys() - {"alpha", "keepdim", "dtype"}:
            return None
        (shape,) = shapes
        dims = max(n.meta["val"].dim() for n in node.all_input_nodes if n in self._folded)
        others = [n for n in node.all_input_nodes if n not in self._folded]
        if any(not hasattr(n.meta.get("val"), "dim") or n.meta["val"].dim() > dims - 2 for n in others):
            return None
        if _acts_on_each_value(target):
            inside = {n.meta["val"].dim() for n in node.all_input_nodes if n in self._folded}
            return (fx.map_arg(node.args, self._fold), shape) if len(inside) == 1 else None
        place = _DIMS.get(target)
        if place is None or len(node.args) <= place:
            return None
        moved = _inner(node.args[place], dims)
        if moved is None:
            return None
        arguments = (*node.args[:place], moved, *node.args[place + 1 :])
        return fx.map_arg(arguments, self._fold), shape

    def _fold(self, node: fx.Node) -> fx.Node:
        return self._folded[node][0] if node in self._folded else node

    def _replace(self, node: fx.Node, arguments: tuple[Any, ...], shape: _Shape) -> None:
        target: Any = node.target
        with self._graph.inserting_before(node):
            folded = self._insert(target, arguments, dict(node.kwargs))
            unfolded = self._insert(_UNFLATTEN, (folded, 0, list(shape)))
        self._folded[unfolded] = (folded, shape)
        node.replace_all_uses_with(unfolded)
        self._graph.erase_node(node)

    def _insert(self, target: Callable[..., Any], arguments: tuple[Any, ...], named: Any = None) -> fx.Node:
        node = self._graph.call_function(target, arguments, named or {})  # pyright: ignore[reportArgumentType]
        args, kwargs = fx.map_arg((arguments, named or {}), lambda n: n.meta["val"])
        # in the mode that the capture was made in, so that sizes that were symbols stay so
        with self._mode:
            node.meta["val"] = target(*args, **kwargs)
        return node


def _acts_on_each_value(target: Any) -> bool:
    if target in (_TO, _CLONE):
        return True
    if torch.Tag.pointwise in getattr(target, "tags", ()):
        return True
    # what works in place is not marked in all versions, but what it is named after
    name, _, overload = str(target).removeprefix("aten.").partition(".")
    packet = getattr(aten, name.removesuffix("_"), None) if name.endswith("_") else None
    return torch.Tag.pointwise in getattr(getattr(packet, overload, None), "tags", ())


def _inner(dim: Any, dims: int) -> Any:
    """Return dimensions of [B, T, ...] as those of the folded tensor; None if B or T is among them."""
    if isinstance(dim, int):
        place = dim % dims
        return place - 1 if place >= 2 else None
    places = [_inner(d, dims) for d in dim]
    return None if None in places or not places else places


def _takes_all(start: Any = None, end: Any = None, step: Any = 1) -> bool:
    """Tell whether a slice is `:`, as in x[:, :, 2:] those of B and T are."""
    return start in (None, 0) and (end is None or (isinstance(end, int) and end >= sys.maxsize)) and step == 1


def _after(node: fx.Node) -> list[fx.Node]:
    found: list[fx.Node] = []
    following = node.next
    while following.op != "root":
        found.append(following)
        following = following.next
    return found


def _node(argument: Any) -> fx.Node:
    assert isinstance(argument, fx.Node)
    return argument


def _list(argument: Any) -> list[Any]:
    return list(argument)


_SIZE = aten.sym_size.int
_FLATTEN, _UNFLATTEN = aten.flatten.using_ints, aten.unflatten.int
_SLICE = aten.slice.Tensor
_ASSERT = aten._assert_tensor_metadata.default
_TO, _CLONE = aten.to.dtype, aten.clone.default
_DIMS: dict[Any, int] = {
    aten.cat.default: 1,
    aten.narrow.default: 1,
    aten.flip.default: 1,
    _SLICE: 1,
    aten.mean.dim: 1,
    aten.amax.default: 1,
    aten.sum.dim_IntList: 1,
}
"""Operators that act on whole dimensions, and which of their arguments says on which."""
