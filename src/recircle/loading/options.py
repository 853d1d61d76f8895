"""How clips are read, and which of them a process reads; what is read of a clip is in `recircle.views.views`."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from recircle.decode.frames import Backend
from recircle.decode.limits import CLIP_SECONDS


@dataclass(frozen=True, kw_only=True)
class Loading:
    """How a loader reads clips; none of it changes what they are.

    Attributes:
        batch_size: clips, each with all its views, in a batch of this process.
        workers: processes that decode; 0 decodes in this one, which a hostile clip can crash and hold up.
        seconds: after how long a process gives up a clip.
        backend: what decodes.
        cache: folder in which decoded, resized frames are kept after their first use; None decodes every time. What it
            cannot take, on a full disk say, is a `UserError` of whoever reads the batches.
    """

    batch_size: int
    workers: int = 0
    seconds: float = CLIP_SECONDS
    backend: Backend = "pyav"
    cache: Path | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size} must be 1 or more")
        if self.workers < 0:
            raise ValueError(f"workers={self.workers} must be 0 (decode in this process) or more")
        if not self.seconds > 0:
            raise ValueError(f"seconds={self.seconds} must be above 0")
        if self.backend not in get_args(Backend):
            raise ValueError(f"backend={self.backend!r} is not one of {', '.join(get_args(Backend))}")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The part of each batch that one of several processes takes.

    Attributes:
        rank: number of this process; it takes clips rank, rank + world, ... of each batch over all processes.
        world: number of processes.
        pin_memory: its batches come in page-locked memory, from which a GPU copies faster.
    """

    rank: int = 0
    world: int = 1
    pin_memory: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world:
            raise ValueError(f"rank={self.rank} must lie in [0, world={self.world})")
