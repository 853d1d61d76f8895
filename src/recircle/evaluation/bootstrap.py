"""How the intervals of figures are found."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """The percentile bootstrap (Efron, 1979), which finds the intervals of all figures of clips.

    Attributes:
        resamples: how many times the clips are resampled, with replacement.
        seed: of the draws; the same seed gives the same intervals.
        level: share of the resampled figures between the two ends of an interval.

    Raises:
        ValueError: there is fewer than one resample, the seed is negative, or the level is not between 0 and 1.
    """

    resamples: int = 1000
    seed: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise ValueError(f"resamples={self.resamples} must be 1 or more")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must be 0 or more")
        if not 0 < self.level < 1:
            raise ValueError(f"level={self.level} must lie between 0 and 1; 0.95 is usual")


DEFAULT_BOOTSTRAP = Bootstrap()
