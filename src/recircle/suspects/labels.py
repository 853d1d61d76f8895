"""Confident learning: which labels are probably wrong, from probabilities of networks that have not seen the clips.

Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70 (2021). A class's
threshold is its mean probability over the clips that are labelled so. A clip counts for the likeliest of the classes
whose threshold it reaches, and is suspected where that is not its label (the off-diagonal of the confident joint). The
order is that of the self-confidence, the probability of the label. The paper also ranks by the normalised margin, that
less the probability of the likeliest other class: networks that are weak, and sure of a sibling of the right class,
have large margins where nothing is wrong, and `studies/suspects.py` found far less by it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64


@dataclass(frozen=True)
class LabelDoubts:
    """How doubtful the label of each of N clips is.

    Attributes:
        likely: the likeliest class beside the label.
        confidence: probability of the label (self-confidence).
        margin: that less the probability of `likely`, in [-1, 1].
        suspected: whether the clip is off the diagonal of the confident joint.
        estimated: how many labels are wrong, by the confident joint after it is scaled to the counts of the labels.
    """

    likely: Int64[np.ndarray, "N"]
    confidence: Float64[np.ndarray, "N"]
    margin: Float64[np.ndarray, "N"]
    suspected: Bool[np.ndarray, "N"]
    estimated: float

    @property
    def order(self) -> Int64[np.ndarray, "N"]:
        """The clips from the most doubtful on: those suspected first, each part by the probability of the label."""
        return np.lexsort((self.confidence, ~self.suspected))


def doubt_labels(scores: Float64[np.ndarray, "N K"], labels: Int64[np.ndarray, "N"]) -> LabelDoubts:
    """Return how doubtful labels are.

    Args:
        scores: probabilities by networks that were not trained on the clips.
        labels: numbers of the classes, all known.

    Raises:
        ValueError: there is no clip, or fewer than two classes.
    """
    count, classes = scores.shape
    if not count or classes < 2:
        raise ValueError(f"scores {scores.shape}: one clip and two classes are the least")
    rows = np.arange(count)
    confidence = scores[rows, labels]
    others = scores.copy()
    others[rows, labels] = -np.inf
    likely = others.argmax(1)
    # a class that no clip is labelled with is never counted for
    thresholds = np.array([scores[labels == k, k].mean() if (labels == k).any() else np.inf for k in range(classes)])
    reached = np.where(scores >= thresholds, scores, -np.inf)
    counted = np.isfinite(reached).any(1)
    taken = reached.argmax(1)
    suspected = counted & (taken != labels)
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[counted], taken[counted]), 1)
    per_class, sums = np.bincount(labels, minlength=classes), joint.sum(1)
    scale = np.divide(per_class, sums, out=np.zeros(classes), where=sums > 0)
    wrong = (sums - joint.diagonal()) * scale
    return LabelDoubts(likely, confidence, confidence - scores[rows, likely], suspected, float(wrong.sum()))
