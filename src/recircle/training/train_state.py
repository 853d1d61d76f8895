"""How far a run has come, and what it has counted on the way."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from recircle.loading.batch import Batch, BrokenClip


@dataclass
class TrainState:
    """Counters of a run; they are part of its checkpoints.

    Attributes:
        step: optimiser steps done.
        loss_sum: sum of the losses of the clips of this epoch.
        clips: their number.
        skipped: how often a clip was skipped, over all epochs; of this process until `merged`.
        broken: path and fault of each clip that could not be used; of this process until `merged`.
    """

    step: int = 0
    loss_sum: float = 0.0
    clips: int = 0
    skipped: int = 0
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def loss(self) -> float | None:
        """Mean training loss of the epoch so far; None before its first clip."""
        return self.loss_sum / self.clips if self.clips else None

    def start_epoch(self) -> None:
        """Forget the losses of the last epoch."""
        self.loss_sum, self.clips = 0.0, 0

    def add_loss(self, loss: float, clips: int) -> None:
        """Count a step."""
        self.loss_sum += loss * clips
        self.clips += clips

    def add_broken(self, batches: Iterable[Batch]) -> None:
        """Count the clips that batches could not hold."""
        for batch in batches:
            self.skipped += len(batch.broken)
            self.note(batch.broken)

    def note(self, clips: Iterable[BrokenClip]) -> None:
        """Remember clips that cannot be used."""
        self.broken.update({clip.path: clip.fault for clip in clips})

    def merged(self, others: Iterable["TrainState"]) -> "TrainState":
        """Return this state with the skipped clips of all processes."""
        everyone = list(others)
        return TrainState(
            step=self.step,
            loss_sum=self.loss_sum,
            clips=self.clips,
            skipped=sum(state.skipped for state in everyone),
            broken={path: fault for state in everyone for path, fault in sorted(state.broken.items())},
        )

    def summary(self, listed: Path, shown: int = 10) -> str:
        """Return in words how many clips could not be used, the first of them, and where all are listed."""
        count = f"{len(self.broken)} clip" + "s" * (len(self.broken) != 1)
        names = "".join(f"\n  {path}: {fault}" for path, fault in sorted(self.broken.items())[:shown])
        more = f"\n  and {len(self.broken) - shown} more" if len(self.broken) > shown else ""
        return f"{count} could not be used, and training went on without; {listed} lists them:{names}{more}"

    def state(self) -> dict[str, Any]:
        """Return plain numbers and strings, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any], *, main: bool) -> Self:
        """Return the state of a process; the main one goes on with what all had skipped."""
        return cls(**(state if main else state | {"skipped": 0, "broken": {}}))
