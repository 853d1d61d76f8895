"""The metrics of saved predictions, each with its interval, and all with their protocol."""

from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation import metrics
from recircle.evaluation.estimate import Estimate, estimate
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.table import Figures, measure_table
from recircle.public import public


@public
@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What `measure` finds, with all that is needed to understand the figures.

    Attributes:
        protocol: views and fusion in words.
        data: which clips, in words.
        clips: number of clips the figures come from.
        left_out: number of clips that could not be decoded.
        figures: of all metrics of the table in `recircle.evaluation.table` that are of classes.
        level: share of the bootstrap resamples inside each interval.
        resamples: number of bootstrap resamples of the clips.
        seed: of the resamples.
        confusion: int64 [K, K], rows are true classes, columns predicted ones.
    """

    protocol: str
    data: str
    clips: int
    left_out: int
    figures: Figures
    level: float
    resamples: int
    seed: int
    confusion: NDArray[np.int64]

    @property
    def top1(self) -> Estimate:
        """Share of clips whose class scores best."""
        return self.figures["top1"].estimate

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, each figure under its own name."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        there: dict[str, Any] = {}
        for name, value in content.items():
            there |= self.figures.to_dict() if name == "figures" else {name: value}
        return there | {"confusion": self.confusion.tolist()}


def measure(predictions: Predictions, *, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> Metrics:
    """Return the metrics of the labelled clips among the predictions.

    Raises:
        UserError: no clip has a label.
        ValueError: an argument is out of range.
    """
    known = predictions.measurable()
    scores, labels = known.scores(), known.labels
    interval = partial(estimate, resamples=resamples, seed=seed, level=level)
    return Metrics(
        protocol=predictions.protocol,
        data=predictions.data,
        clips=len(known),
        left_out=len(predictions.left_out),
        figures=measure_table("classes", scores, labels, np.arange(scores.shape[1]), interval),
        level=level,
        resamples=resamples,
        seed=seed,
        confusion=metrics.confusion_matrix(scores, labels),
    )


def most_confused(confusion: NDArray[np.int64], count: int = 5) -> list[tuple[int, int, int]]:
    """Return up to `count` pairs (true class, predicted class, clips) off the diagonal, most clips first."""
    errors = confusion.copy()
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[:count]
    pairs = [divmod(int(flat), errors.shape[1]) for flat in order]
    return [(true, predicted, int(errors[true, predicted])) for true, predicted in pairs if errors[true, predicted]]
