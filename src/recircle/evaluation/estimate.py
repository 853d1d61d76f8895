"""A figure with its interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation import metrics
from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.public import public


@public
@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure and the ends of its bootstrap interval, as shares in [0, 1]."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def estimate(
    figure: Callable[[NDArray[np.int64]], float],
    clips: int,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Estimate:
    """Return a figure of clips with its bootstrap interval; see `metrics.bootstrap_interval`."""
    low, high = metrics.bootstrap_interval(figure, clips, bootstrap)
    return Estimate(value=figure(np.arange(clips)), low=low, high=high)


def share_of_clips(values: NDArray[np.bool_], bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Estimate:
    """Return the share of the clips that are true, [N], with its bootstrap interval."""
    return estimate(lambda rows: float(values[rows].mean()), len(values), bootstrap)
