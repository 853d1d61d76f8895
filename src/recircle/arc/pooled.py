"""What recursive attention pools over: all frames of a clip, or, looking back alone, those up to each frame."""

from dataclasses import dataclass

from torch import Tensor

from recircle.arc.clip_dims import ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.running import RunningPool


@dataclass(frozen=True)
class Pooled:
    """One of the tensors that features are pooled to.

    Attributes:
        dims: dimensions that are pooled over whole, and have size 1 then.
        running: each frame's value is pooled with those of the frames before it too.
    """

    dims: tuple[int, ...]
    running: bool = False


def pooled_tensors(config: ArcConfig, clip_dims: ClipDims) -> list[Pooled]:
    """Return what a variant pools its features to."""
    whole = clip_dims.pooled_dims(config.aggregation)
    if not config.causal:
        return [Pooled(dims) for dims in whole]
    time = clip_dims.time
    return [Pooled(tuple(d for d in dims if d != time), running=time in dims) for dims in whole]


def pool(
    feature: Tensor, kind: Pooled, config: ArcConfig, clip_dims: ClipDims, like: Tensor, running: RunningPool
) -> Tensor:
    """Pool features by their maximum or mean; `running` knows the frames before."""
    assert config.pooling != "soft"
    if kind.dims:
        feature = clip_dims.pool(feature, kind.dims, config.pooling, like)
    return clip_dims.running(feature, config.pooling, running) if kind.running else feature
