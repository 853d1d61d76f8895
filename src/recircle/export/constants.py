"""Let a captured network hold what follows from its weights alone, so that it is not computed again with each clip.

The steps of an ARC layer take parts of its weights. What runs exported files knows a convolution whose weight is a
constant; one whose weight is computed is slow to some, and nothing to others.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx
from torch.export.graph_signature import InputKind, InputSpec, TensorArgument

from recircle.torch_internals import aten

_CHECK, _DETACH = aten._assert_tensor_metadata.default, aten.detach_.default

_SMALL, _LARGE = 1 << 12, 1 << 20
"""Values that a constant may have, and what it is made from, if that is made of less, such as an identity matrix."""


def fold_constants(program: torch.export.ExportedProgram) -> None:
    """Put constants in the place of what the weights determine, and drop the weights that nothing needs any more."""
    with torch.no_grad():
        _Constants(program).run()


class _Constants:
    def __init__(self, program: torch.export.ExportedProgram) -> None:
        self._program = program
        self._graph = program.graph_module.graph
        self._known: dict[fx.Node, Any] = dict(_held(program))
        self._constants: dict[tuple[Any, ...], fx.Node] = {}
        values = (node.meta.get("val") for node in self._graph.nodes)
        self._mode: Any = next(filter(None, (getattr(value, "fake_mode", None) for value in values)), None)

    def run(self) -> None:
        held = set(self._known)
        for node in self._graph.nodes:
            if _is_determined(node, self._known):
                self._compute(node)
        for node in list(self._graph.nodes):
            if node in self._known and node not in held and isinstance(self._known[node], Tensor):
                self._replace(node)
        self._drop_unused(held)
        self._graph.lint()
        self._program.graph_module.recompile()

    def _compute(self, node: fx.Node) -> None:
        args, kwargs = fx.map_arg((node.args, node.kwargs), self._known.__getitem__)
        target: Any = node.target
        # what it would change of a constant is nothing
        value = args[0] if target is _DETACH else target(*args, **kwargs)
        if _count(value) <= max(_LARGE, self._count_of_sources(node)):
            self._known[node] = value

    def _count_of_sources(self, node: fx.Node) -> int:
        return max((_count(self._known[one]) for one in node.all_input_nodes), default=0)

    def _replace(self, node: fx.Node) -> None:
        """Hand a constant to those that need it and are not constant themselves."""
        users = [user for user in node.users if user not in self._known and user.target is not _CHECK]
        if not users or _count(self._known[node]) > max(_SMALL, self._count_of_sources(node)):
            return
        value = self._known[node]
        # each step of a layer takes the same parts
        same = (value.data_ptr(), value.dtype, value.shape, value.stride())
        if same not in self._constants:
            self._constants[same] = self._hold(value.detach().clone(memory_format=torch.contiguous_format), node.name)
        for user in users:
            user.replace_input_with(node, self._constants[same])

    def _hold(self, value: Tensor, name: str) -> fx.Node:
        """Make a tensor one of those that the network holds."""
        name = f"constant_{name}"
        specs = self._program.graph_signature.input_specs
        inputs = [one for one in self._graph.nodes if one.op == "placeholder"]
        # before what the user gives
        place = next(i for i, spec in enumerate(specs) if spec.kind is InputKind.USER_INPUT)
        with self._graph.inserting_before(inputs[place]):
            held = self._graph.placeholder(name)
        held.meta["val"] = self._mode.from_tensor(value, static_shapes=True)
        argument = TensorArgument(name=held.name)
        specs.insert(place, InputSpec(kind=InputKind.BUFFER, arg=argument, target=name, persistent=True))
        self._program.state_dict[name] = value
        return held

    def _drop_unused(self, held: set[fx.Node]) -> None:
        for node in reversed(list(self._graph.nodes)):
            # what is known needs no check
            if (node.target is _CHECK and node.args[0] in self._known) or (node in self._known and not node.users):
                self._graph.erase_node(node)
        left = set(self._graph.nodes)
        gone = {node.name for node in held - left}
        specs = self._program.graph_signature.input_specs
        for spec in [one for one in specs if getattr(one.arg, "name", None) in gone]:
            specs.remove(spec)
            self._program.state_dict.pop(str(spec.target), None)
            self._program.constants.pop(str(spec.target), None)


def _held(program: torch.export.ExportedProgram) -> Iterator[tuple[fx.Node, Any]]:
    """Yield the weights and other tensors that the network holds."""
    inputs = [node for node in program.graph_module.graph.nodes if node.op == "placeholder"]
    changed = set(program.graph_signature.buffers_to_mutate.values())
    for node, spec in zip(inputs, program.graph_signature.input_specs):
        if (
            spec.kind in (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)
            and spec.target not in changed
        ):
            kept = program.constants if spec.target in program.constants else program.state_dict
            yield node, kept[spec.target]  # pyright: ignore[reportArgumentType]


def _is_determined(node: fx.Node, known: dict[fx.Node, Any]) -> bool:
    """Tell whether known values alone determine the value of a node, which is nobody's to change."""
    if node.op != "call_function" or any(source not in known for source in node.all_input_nodes):
        return False
    return bool(node.users) and _is_pure(node) and all(user.target is _CHECK or _is_pure(user) for user in node.users)


def _is_pure(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    if schema is None or node.target is _DETACH:
        # getitem and other functions of Python, and the output
        return True
    random = torch.Tag.nondeterministic_seeded in node.target.tags  # pyright: ignore
    return not (schema.is_mutable or random or not schema.returns)


def _count(value: Any) -> int:
    return value.numel() if isinstance(value, Tensor) else sum(_count(one) for one in value) if _is_list(value) else 1


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))
