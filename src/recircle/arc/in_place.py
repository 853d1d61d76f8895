"""The state of an ARC layer, evolved in place: Eq. 3-5 of the paper with nothing computed or allocated twice."""

from collections.abc import Callable, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle import torch_internals
from recircle.arc.clip_dims import ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.forms import ANY, Form
from recircle.arc.matrices import ArcMatrices
from recircle.arc.pooled import pool, pooled_tensors
from recircle.arc.running import RunningPool
from recircle.arc.steps import Steps
from recircle.arc.workspace import Allocate, workspace

_CLIPS = 4 << 20
"""Bytes of a state from which on clips are worked through one after the other."""


IN_PLACE = Form(
    {
        "steps": ANY,
        "attention": ANY,
        "fusion": ANY,
        "embedding": ANY,
        "pooling": {"max", "mean"},
        "aggregation": {"S", "T", "ST", "S+T"},
        "interaction": {"additive"},
        "attention_module": {"fc"},
        "negative_slope": ANY,
        "feedback": {"norm_act", "operator"},
        "attention_init": ANY,
        "signed_input": ANY,
        "causal": ANY,
    }
)
"""What `Evolution` knows."""


@cache
def evolves_in_place(config: ArcConfig, steps: Steps) -> bool:
    """Tell whether `Evolution` knows this variant, and every step reads all channels."""
    return IN_PLACE.takes(config) and len(set(steps.inputs)) == 1


class Evolution:
    """X_2, X_3, ... of one forward pass, each from the features before it; not differentiable.

    The sums A_j and F_j are kept, and each step adds its own term to them.
    """

    def __init__(
        self,
        x: Tensor,
        matrices: ArcMatrices,
        config: ArcConfig,
        steps: Steps,
        clip_dims: ClipDims,
        allocate: Allocate,
        running: RunningPool | None = None,
    ) -> None:
        """Compute (I + W^e) X.

        Args:
            x: the input X.
            matrices: W^e, W^a and W^f.
            config: a variant for which `evolves_in_place`.
            steps: of the layer.
            clip_dims: the layout of `x` and of the features.
            allocate: makes what is needed as long as this object.
            running: pools over time where the variant looks back alone.
        """
        assert not isinstance(matrices.attention, tuple)
        self._x, self._config, self._geometry, self._allocate = x, config, clip_dims, allocate
        self._base = x
        if matrices.embedding is not None:
            self._base = clip_dims.empty(x, x.shape[clip_dims.channel], allocate)
            clip_dims.accumulate(self._base, x, with_identity(matrices.embedding), first=True)
        self._running = running or RunningPool()
        self._kinds = [] if matrices.attention is None else pooled_tensors(config, clip_dims)
        self._attention = _columns(matrices.attention, steps)
        self._fusion = _columns(matrices.fusion, steps)
        self._maps: list[Tensor] = []
        self._fused: Tensor | None = None
        self._rest = (
            x - F.leaky_relu(x, config.negative_slope**2)
            if config.signed_input and config.negative_slope != 1
            else None
        )

    def advance(self, j: int, feature: Tensor, out: Tensor) -> Tensor:
        """Write X_{j+1}, the state after the features of step j (counted from 1), into `out`, which is as X."""
        self.absorb(j, feature)
        self.write(out, out)
        return out

    def absorb(self, j: int, feature: Tensor) -> list[Tensor]:
        """Add the features of step j to the sums, without making the state; return them pooled."""
        clip_dims, first = self._geometry, j == 1
        pooled = [pool(feature, kind, self._config, clip_dims, self._x, self._running) for kind in self._kinds]
        if first:
            channels = self._x.shape[clip_dims.channel]
            self._maps = [clip_dims.empty(z, channels, self._allocate) for z in pooled]
            self._fused = clip_dims.empty(feature, channels, self._allocate) if self._fusion else None
        for total, z in zip(self._maps, pooled):
            clip_dims.accumulate(total, z, self._attention[j - 1], first=first)
        if self._fused is not None:
            clip_dims.accumulate(self._fused, feature, self._fusion[j - 1], first=first)
        return pooled

    def retract(self, j: int, feature: Tensor, pooled: Sequence[Tensor]) -> None:
        """Take the features of step j, the last that was added, from the sums again."""
        for total, z in zip(self._maps, pooled):
            self._geometry.accumulate(total, z, -self._attention[j - 1], first=False)
        if self._fused is not None:
            self._geometry.accumulate(self._fused, feature, -self._fusion[j - 1], first=False)

    def write(self, out: Tensor, attended: Tensor) -> None:
        """Write the state that follows from the sums.

        Args:
            out: as X; receives the state.
            attended: as X; receives phi((I + W^e) X + A_j), unless there is no fusion. It may be `out`.
        """
        slope = self._config.negative_slope
        source, target = self._base, out if self._fused is None else attended
        for total in self._maps:
            self._geometry.add(source, total, target)
            source = target
        if self._fused is None:
            # phi of phi is a leaky ReLU too
            self._phi(source, slope**2, out)
        else:
            self._geometry.add(self._phi(source, slope, attended), self._fused, out)
            self._phi(out, slope, out)
        if self._rest is not None:
            out.add_(self._rest)

    def new_state(self) -> Tensor:
        """Return fresh memory for a state."""
        channels = self._x.shape[self._geometry.channel]
        return self._geometry.empty(self._x, channels, lambda shape, like: like.new_empty(shape))

    @staticmethod
    def _phi(x: Tensor, slope: float, out: Tensor) -> Tensor:
        if slope == 1:
            return out if out is x else out.copy_(x)
        if out is x:
            return F.leaky_relu_(x, slope) if slope else F.relu_(x)
        return torch_internals.leaky_relu_out(x, slope, out)


def forward_in_place(
    x: Tensor,
    matrices: ArcMatrices,
    generate: Callable[[int, Tensor], Tensor],
    config: ArcConfig,
    steps: Steps,
    clip_dims: ClipDims,
    running: RunningPool,
    *,
    sample_independent: bool,
) -> Tensor:
    """Compute what `recurse` does, without gradients, in as little memory as it takes.

    Args:
        x: see `recurse`, like the others.
        matrices: of the dtype of `x`.
        generate: see `recurse`.
        config: a variant that `evolves_in_place`.
        steps: see `recurse`.
        clip_dims: see `recurse`.
        running: see `recurse`.
        sample_independent: `generate` gives the features of a clip whatever clips are beside it.
    """
    clips = max(1, _CLIPS * len(x) // max(1, x.numel() * x.element_size()))
    if sample_independent and x.device.type == "cpu" and clips < len(x) and not running.remembers:
        parts = [_forward(z, matrices, generate, config, steps, clip_dims, RunningPool()) for z in x.split(clips)]
        # folded, where torch keeps the channels-last memory format
        return clip_dims.unfold(torch.cat([clip_dims.fold(part) for part in parts]), x)
    return _forward(x, matrices, generate, config, steps, clip_dims, running)


def _forward(
    x: Tensor,
    matrices: ArcMatrices,
    generate: Callable[[int, Tensor], Tensor],
    config: ArcConfig,
    steps: Steps,
    clip_dims: ClipDims,
    running: RunningPool,
) -> Tensor:
    with workspace(x) as allocate:
        evolution = Evolution(x, matrices, config, steps, clip_dims, allocate, running)
        features, state = [generate(0, x)], clip_dims.empty(x, x.shape[clip_dims.channel], allocate)
        for j in range(1, config.steps):
            features.append(generate(j, evolution.advance(j, features[-1].to(x.dtype), state)))
        return clip_dims.concat(features)


def with_identity(embedding: Tensor) -> Tensor:
    """Return I + W^e: one product with it is X + W^e X."""
    return embedding + torch.eye(len(embedding), dtype=embedding.dtype, device=embedding.device)


def _columns(matrix: Tensor | None, steps: Steps) -> tuple[Tensor, ...]:
    return () if matrix is None else matrix.split(steps.width, dim=1)
