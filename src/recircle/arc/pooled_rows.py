"""Features that are pooled over space and over time as rows of one matrix, so that one product makes maps of both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from recircle.arc.clip_dims import ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.pooled import pool, pooled_tensors
from recircle.arc.running import RunningPool


@dataclass(frozen=True)
class PooledRows:
    """How tensors that were pooled to lie in one matrix [rows, channels], all positions of the first before the next.

    Attributes:
        clip_dims: of the features.
        over: the dimensions that each tensor was pooled over.
        sizes: of each tensor, without the channels.
    """

    clip_dims: ClipDims
    over: list[tuple[int, ...]]
    sizes: list[list[int]]

    @classmethod
    def of(cls, feature: Tensor, config: ArcConfig, clip_dims: ClipDims) -> Self:
        """Say how features like these are pooled."""
        over = [kind.dims for kind in pooled_tensors(config, clip_dims)]
        places = [d for d in range(feature.dim()) if d != clip_dims.channel]
        return cls(clip_dims, over, [[1 if d in dims else feature.shape[d] for d in places] for dims in over])

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return pooled tensors as one matrix."""
        parts = [one.movedim(self.clip_dims.channel, -1).flatten(0, -2) for one in tensors]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def split(self, rows: Tensor) -> list[Tensor]:
        """Return the tensors of a matrix, whatever its number of channels is."""
        parts = rows.split([math.prod(size) for size in self.sizes])
        return [part.reshape(*size, -1).movedim(-1, self.clip_dims.channel) for part, size in zip(parts, self.sizes)]


def pool_to_rows(feature: Tensor, rows: PooledRows, config: ArcConfig, like: Tensor, running: RunningPool) -> Tensor:
    """Return folded features pooled, as rows."""
    kinds, dims = pooled_tensors(config, rows.clip_dims), rows.clip_dims
    if config.pooling == "max" and all(kind.dims and not kind.running for kind in kinds):
        return _Maxima.apply(rows, feature, like)  # pyright: ignore[reportReturnType]
    whole = dims.unfold(feature, like)
    return rows.join([pool(whole, kind, config, dims, like, running) for kind in kinds])


class _Maxima(torch.autograd.Function):
    """Max pooling whose gradient needs no index; autograd's own takes several times as long on a CPU."""

    @staticmethod
    def forward(ctx: Any, rows: PooledRows, feature: Tensor, like: Tensor) -> Tensor:
        ctx.rows, dims = rows, rows.clip_dims
        whole = dims.unfold(feature, like)
        pooled = rows.join([dims.pool(whole, over, "max", like) for over in rows.over])
        ctx.save_for_backward(feature, pooled, like)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        feature, pooled, like = ctx.saved_tensors
        rows, dims = ctx.rows, ctx.rows.clip_dims
        whole, onto = dims.unfold(feature, like), None
        for one, value, over in zip(rows.split(grad), rows.split(pooled), rows.over):
            onto = dims.pool_backward(one, whole, value, over, "max", whole, onto)
        return None, dims.fold(onto), None
