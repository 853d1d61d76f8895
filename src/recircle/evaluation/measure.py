"""The metrics of saved predictions, each with its interval, and all with their protocol."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation import metrics
from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.estimate import Estimate
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.provenance import Provenance
from recircle.evaluation.table import Figures, measure_table
from recircle.public import public


@public
@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What `measure` finds, with all that is needed to understand the figures.

    Attributes:
        provenance: which clips, and how the network was run on them.
        clips: number of clips the figures come from.
        left_out: number of clips that could not be decoded.
        figures: of all metrics of the table in `recircle.evaluation.table` that are of classes.
        level: share of the bootstrap resamples inside each interval.
        resamples: number of bootstrap resamples of the clips.
        seed: of the resamples.
        confusion: int64 [K, K], rows are true classes, columns predicted ones.
    """

    provenance: Provenance
    clips: int
    left_out: int
    figures: Figures
    level: float
    resamples: int
    seed: int
    confusion: NDArray[np.int64]

    @property
    def protocol(self) -> str:
        """Views, fusion, precision and order in words."""
        return self.provenance.protocol_words

    @property
    def data(self) -> str:
        """Which clips, in words."""
        return self.provenance.data_words

    @property
    def top1(self) -> Estimate:
        """Share of clips whose class scores best."""
        return self.figures["top1"].estimate

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, each figure under its own name; what was measured as words and as values."""
        return {
            "protocol": self.protocol,
            "data": self.data,
            "clips": self.clips,
            "left_out": self.left_out,
            **self.figures.to_dict(),
            "level": self.level,
            "resamples": self.resamples,
            "seed": self.seed,
            "confusion": self.confusion.tolist(),
            "provenance": self.provenance.to_dict(),
        }


def measure(predictions: Predictions, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Metrics:
    """Return the metrics of the labelled clips among the predictions.

    Raises:
        UserError: no clip has a label.
    """
    known = predictions.measurable()
    scores, labels = known.scores(), known.labels
    return Metrics(
        provenance=predictions.provenance,
        clips=len(known),
        left_out=len(predictions.left_out),
        figures=measure_table("classes", scores, labels, np.arange(scores.shape[1]), bootstrap),
        level=bootstrap.level,
        resamples=bootstrap.resamples,
        seed=bootstrap.seed,
        confusion=metrics.confusion_matrix(scores, labels),
    )


def most_confused(confusion: NDArray[np.int64], count: int = 5) -> list[tuple[int, int, int]]:
    """Return up to `count` pairs (true class, predicted class, clips) off the diagonal, most clips first."""
    errors = confusion.copy()
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[:count]
    pairs = [divmod(int(flat), errors.shape[1]) for flat in order]
    return [(true, predicted, int(errors[true, predicted])) for true, predicted in pairs if errors[true, predicted]]
