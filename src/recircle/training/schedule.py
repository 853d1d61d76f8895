"""The learning rate as a pure function of how far a run has come."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from recircle.public import public


@public
@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How the learning rate moves over a run.

    The rate is set at every optimiser step, not once an epoch: `step` stays the same as in the published scripts,
    because its milestones are whole epochs, while warm-up and cosine become smooth, so a small data set, whose
    epoch is a few steps, does not climb a staircase. Nothing is remembered: the rate follows from the position
    alone, and a resumed run needs no scheduler state.

    Attributes:
        kind: "step" multiplies the rate by `factor` at each milestone; "cosine" falls from the rate to zero at the
            end.
        milestones: epochs (counted from 0) at whose start "step" acts. Those past the end of the run have no effect;
            training says which.
        factor: of "step"; the paper's is 0.1.
        warmup: epochs of linear rise from zero, before either. "cosine" starts to fall where the rise ends.
        warmup_share: the same as a share of the run, in [0, 1), so that it fits a run of any length; in the place of
            `warmup`.
    """

    kind: Literal["step", "cosine"] = "step"
    milestones: tuple[int, ...] = ()
    factor: float = 0.1
    warmup: float = 0.0
    warmup_share: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("step", "cosine"):
            raise ValueError(f"schedule.kind={self.kind!r} is not one of step, cosine")
        if self.kind == "cosine" and self.milestones:
            raise ValueError(
                f"schedule.milestones={self.milestones} has no effect on a cosine; leave it out or use kind='step'"
            )
        if any(second <= first for first, second in pairwise((0, *self.milestones))):
            raise ValueError(f"schedule.milestones={self.milestones} must be positive epochs in rising order")
        if not 0 < self.factor <= 1:
            raise ValueError(f"schedule.factor={self.factor} must lie in (0, 1]; the paper's is 0.1")
        if not 0 <= self.warmup < math.inf:
            raise ValueError(f"schedule.warmup={self.warmup} is a number of epochs; use 0 for none")
        if not 0 <= self.warmup_share < 1:
            raise ValueError(
                f"schedule.warmup_share={self.warmup_share} is a share of the run, in [0, 1); use 0 for none"
            )
        if self.warmup and self.warmup_share:
            raise ValueError(
                f"schedule.warmup={self.warmup:g} and warmup_share={self.warmup_share:g} both say how long the rate "
                "rises; set one of them to 0"
            )

    def warmup_epochs(self, epochs: int) -> float:
        """Return how many epochs of a run of so many the rate rises."""
        return self.warmup or self.warmup_share * epochs

    def remarks(self, epochs: int) -> list[str]:
        """Return what of the schedule does not act in a run of so many epochs, each as a sentence; none if all acts."""
        last = max(self.milestones, default=0)
        beyond = [milestone for milestone in self.milestones if milestone >= epochs]
        warmup = self.warmup_epochs(epochs)
        early = [milestone for milestone in self.milestones if milestone <= warmup < epochs]
        remarks: list[str] = []
        if beyond:
            # the published schedules take their last step at about 80 % of the run
            moved = tuple(round(0.8 * epochs * milestone / last) for milestone in self.milestones)
            fits = all(first < second for first, second in pairwise((0, *moved, epochs)))
            move = f"move them, for example by --schedule.milestones {_listed(moved, ' ')}, " if fits else ""
            effect = "never drops" if len(beyond) == len(self.milestones) else "does not drop there"
            remarks.append(
                f"schedule.milestones: {_listed(beyond)} {'is' if len(beyond) == 1 else 'are'} not reached in "
                f"epochs={epochs}, so the learning rate {effect}; {move}train for more than {last} epochs, or take "
                "--schedule.kind cosine with no --schedule.milestones"
            )
        if early:
            remarks.append(
                f"schedule.milestones: {_listed(early)} {'lies' if len(early) == 1 else 'lie'} within the warm-up of "
                f"{warmup:g} epochs, so the learning rate drops as soon as it has risen; shorten the warm-up or "
                "move them"
            )
        return remarks

    def lr_at(self, progress: float, *, lr: float, epochs: int) -> float:
        """Return the learning rate.

        Args:
            progress: position in the run, in epochs, 0 <= progress <= epochs. The training loop passes the middle
                of the step that is about to be taken, so the first step of a warm-up and the last of a cosine are
                not idle.
            lr: the optimiser's full rate.
            epochs: length of the run.
        """
        warmup = self.warmup_epochs(epochs)
        if progress < warmup:
            return lr * progress / warmup
        if self.kind == "step":
            return lr * self.factor ** sum(progress >= milestone for milestone in self.milestones)
        done = (progress - warmup) / (epochs - warmup)
        return lr * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def _listed(numbers: Iterable[int], between: str = ", ") -> str:
    return between.join(map(str, numbers))
