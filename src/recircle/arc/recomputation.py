"""An ARC layer's training in memory that does not grow with n: states are made again in the backward pass.

Of the states only X is kept. Convolutions and norms are ordinary nodes of autograd's graph; what they would save of a
state or of the features is replaced by a way to make it again from X and the operator's outputs, which norms keep
anyhow. So no convolution is computed twice; the products with W^e, W^a and W^f are.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from recircle import torch_internals
from recircle.arc.clip_dims import ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.epilogue import Replay
from recircle.arc.forms import Form
from recircle.arc.in_place import IN_PLACE, Evolution, evolves_in_place, with_identity
from recircle.arc.matrices import ArcMatrices
from recircle.arc.steps import Steps
from recircle.arc.workspace import workspace

Record = Callable[[int, Tensor], tuple[Tensor, Replay]]
"""The features of a step, counted from 0, from the operator's output; and how to make them again."""


RECOMPUTED = Form({**IN_PLACE.knows, "signed_input": {False}, "causal": {False}})
"""What `forward_recomputed` knows: what evolves in place, but for signed inputs and what looks back alone."""


@cache
def recomputes(config: ArcConfig, steps: Steps) -> bool:
    """Tell whether `forward_recomputed` knows this variant."""
    return RECOMPUTED.takes(config) and evolves_in_place(config, steps)


def forward_recomputed(
    x: Tensor,
    matrices: ArcMatrices,
    operate: Callable[[int, Tensor], Tensor],
    record: Record,
    config: ArcConfig,
    steps: Steps,
    clip_dims: ClipDims,
) -> Tensor:
    """Compute what `recurse` does, differentiable once.

    Args:
        x: the input X.
        matrices: see `recurse`, like config, steps and clip_dims.
        operate: the operator's output on the state of a step.
        record: the features from that output.
        config: a variant that `recomputes`.
        steps: see `recurse`.
        clip_dims: see `recurse`.
    """
    backward = _Backward(config, steps, clip_dims)
    features: list[Tensor] = []
    outputs: list[Tensor] = []
    learned = matrices.embedding, matrices.attention, matrices.fusion
    with workspace(x) as allocate, torch.no_grad():
        evolution = Evolution(x, matrices, config, steps, clip_dims, allocate)
        with torch.enable_grad():
            state = x
            for j in range(config.steps):
                if j:
                    learns = (x, *learned) if j == 1 else (None,) * 4
                    kept = (x, *learned, *outputs) if j == config.steps - 1 else ()
                    state = _Advance.apply(backward, evolution, j, kept, features[-1].to(x.dtype), *learns)
                step = _AllSaved()
                with torch.autograd.graph.saved_tensors_hooks(step.pack, _Saved.unpack):
                    output = operate(j, state)
                    feature, replay = record(j, output)
                if j:
                    step.replace(state, lambda node=state.grad_fn, j=j: backward.state(j, node))
                if not _is_same(feature, output):
                    saved = step.find(output)
                    if saved is not None:
                        step.replace(feature, lambda saved=saved, replay=replay: replay(saved.tensor))
                backward.replays.append(replay)
                outputs.append(output.detach())
                features.append(feature)
    return clip_dims.concat(features)


class _Saved:
    """What stands in autograd's graph for a saved tensor: the tensor, or how to make it again."""

    def __init__(self, tensor: Tensor) -> None:
        self.kept: Tensor | None = tensor.detach()
        self.version = torch_internals.version(tensor)
        self.layout = tensor.shape, tensor.stride()
        self.make: Callable[[], Tensor] | None = None

    @property
    def tensor(self) -> Tensor:
        assert self.kept is not None
        if torch_internals.version(self.kept) != self.version:
            raise RuntimeError("a tensor that the backward pass of an ARC layer needs has been changed in place")
        return self.kept

    def unpack(self) -> Tensor:
        return self.tensor if self.make is None else self.make().as_strided(*self.layout)


class _AllSaved:
    """The tensors that one step's operator, norm and activation save."""

    def __init__(self) -> None:
        self.all: list[_Saved] = []

    def pack(self, tensor: Tensor) -> _Saved:
        self.all.append(_Saved(tensor))
        return self.all[-1]

    def find(self, tensor: Tensor) -> _Saved | None:
        """Return what was saved of `tensor`, which may have had other dimensions then."""
        return next((k for k in self.all if k.kept is not None and _is_same(k.kept, tensor)), None)

    def replace(self, tensor: Tensor, make: Callable[[], Tensor]) -> None:
        """Drop `tensor` wherever it was saved."""
        while (saved := self.find(tensor)) is not None:
            saved.kept, saved.make = None, make


def _is_same(a: Tensor, b: Tensor) -> bool:
    return a.data_ptr() == b.data_ptr() and a.numel() == b.numel()


class _Backward:
    """The backward pass of one layer: one state after the other, the last one first, and the sums over the steps."""

    def __init__(self, config: ArcConfig, steps: Steps, clip_dims: ClipDims) -> None:
        self.config, self.steps, self.clip_dims = config, steps, clip_dims
        self.replays: list[Replay] = []
        self.at: _Recomputed | None = None

    def state(self, j: int, node: Any) -> Tensor:
        """Return the state that step j, counted from 0, has read; it stays until that of another step is asked for."""
        begins = j == self.config.steps - 1
        if self.at is not None and begins and self.at.used:
            # an earlier pass went no further, or ended in an error
            self.at.close()
            self.at = None
        if self.at is None:
            assert begins, "autograd comes to the last step first"
            self.at = _Recomputed(self, node.saved_tensors)
        self.at.go_to(j)
        return self.at.state

    def step(self, j: int, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of G_j, counted from 1, and after all steps those of X, W^e, W^a and W^f."""
        now, clip_dims, slope = self.at, self.clip_dims, self.config.negative_slope
        assert now is not None
        now.used = True
        matrices, feature = now.matrices, now.features[j - 1]
        columns = slice((j - 1) * self.steps.width, j * self.steps.width)
        terms: list[Tensor] = []
        # the state is read no more: its gradient takes its memory
        if matrices.fusion is None:
            grad = _phi_backward(grad, now.state, slope**2)
        else:
            grad = _phi_backward(grad, now.state, slope)
            fused = now.d_fused.add(clip_dims.resize_backward(grad, feature))
            terms.append(clip_dims.pointwise_rows(fused, matrices.fusion[:, columns].t()))
            now.d_fusion.insert(0, clip_dims.weight_grad(fused, feature))
            grad = _phi_backward(grad, now.attended, slope)
        base = now.d_base.add(grad)
        if isinstance(matrices.attention, Tensor):
            products: list[Tensor] = []
            for dims, pooled in zip(clip_dims.pooled_dims(self.config.aggregation), now.pooled[j - 1]):
                small = clip_dims.resize_backward(clip_dims.sum(base, dims), pooled, dims)
                d_pooled = clip_dims.pointwise_rows(small, matrices.attention[:, columns].t())
                terms.append(clip_dims.pool_backward(d_pooled, feature, pooled, dims, self.config.pooling, now.x))
                products.append(clip_dims.weight_grad(small, pooled))
            now.d_attention.insert(0, torch.stack(products).sum(0))
        d_feature = terms[0]
        for term in terms[1:]:
            d_feature.add_(term)
        if j > 1:
            return d_feature, None, None, None, None
        self.at = None
        return d_feature, *now.finish(base)


class _Recomputed:
    """The states of one layer made again, one at a time, in memory that is lent until the last gradient is there."""

    def __init__(self, backward: _Backward, kept: tuple[Any, ...]) -> None:
        x, embedding, attention, fusion, *outputs = kept
        self.x, self.matrices, self.clip_dims = x, ArcMatrices(embedding, attention, fusion), backward.clip_dims
        self.lent = ExitStack()
        allocate = self.lent.enter_context(workspace(x))
        channels = x.shape[self.clip_dims.channel]
        with torch.no_grad():
            self.state = self.clip_dims.empty(x, channels, allocate)
            self.attended = self.state if fusion is None else self.clip_dims.empty(x, channels, allocate)
            self.evolution = Evolution(x, self.matrices, backward.config, backward.steps, self.clip_dims, allocate)
            self.features = [replay(z).to(x.dtype) for replay, z in zip(backward.replays, outputs)]
            self.pooled = [self.evolution.absorb(j, feature) for j, feature in enumerate(self.features, start=1)]
            self.d_base = _Sum(self.clip_dims.empty(x, channels, allocate))
            self.d_fused = _Sum(self.clip_dims.empty(self.features[0], channels, allocate))
        self.d_attention: list[Tensor] = []
        self.d_fusion: list[Tensor] = []
        self.absorbed, self.written, self.used = len(outputs), 0, False

    def go_to(self, j: int) -> None:
        """Make the state that step j, counted from 0, has read."""
        if self.written == j:
            return
        with torch.no_grad():
            while self.absorbed > j:
                last = self.absorbed - 1
                self.evolution.retract(self.absorbed, self.features[last], self.pooled[last])
                self.absorbed -= 1
            self.evolution.write(self.state, self.attended)
        self.written = j

    def finish(self, base: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of X and of the matrices, and hand the memory back."""
        embedding = self.matrices.embedding
        if embedding is None:
            d_x, d_embedding = base.clone(), None
        else:
            d_x = self.clip_dims.pointwise_rows(base, with_identity(embedding).t())
            d_embedding = self.clip_dims.weight_grad(base, self.x)
        self.close()
        d_attention = torch.cat(self.d_attention, 1) if self.d_attention else None
        d_fusion = torch.cat(self.d_fusion, 1) if self.d_fusion else None
        return d_x, d_embedding, d_attention, d_fusion

    def close(self) -> None:
        """Hand the memory back."""
        self.lent.close()


class _Sum:
    """A sum in memory that is given."""

    def __init__(self, memory: Tensor) -> None:
        self.memory, self.empty = memory, True

    def add(self, term: Tensor) -> Tensor:
        """Add a term, and return the sum."""
        if self.empty:
            self.empty = False
            return self.memory.copy_(term)
        return self.memory.add_(term)


class _Advance(torch.autograd.Function):
    """X_{j+1} from G_j; the first step takes X and the matrices too, and the last saves what all need."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        backward, evolution, j, kept, feature, *_ = inputs
        ctx.shared, ctx.j = backward, j
        ctx.save_for_backward(*kept)
        return evolution.advance(j, feature, evolution.new_state())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        shared: _Backward = ctx.shared
        shared.state(ctx.j, ctx)
        return None, None, None, None, *shared.step(ctx.j, grad)


def _phi_backward(grad: Tensor, result: Tensor, slope: float) -> Tensor:
    """Return the gradient of phi, in the memory of its result, whose sign is that of its input."""
    return torch_internals.leaky_relu_backward_(grad, result, slope)
