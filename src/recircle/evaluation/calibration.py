"""Whether a network is right as often as it says, and the temperature that makes it so."""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recircle.config import from_json, parse_json, read_bytes, to_stamped_json
from recircle.errors import UserError
from recircle.evaluation.earlier import upgraded
from recircle.evaluation.metrics import Labels, Scores, in_top_k
from recircle.evaluation.predictions import Predictions, log_probabilities
from recircle.evaluation.provenance import Provenance
from recircle.files import atomic_write

TEMPERATURES = (0.05, 20.0)
"""Between which a temperature is looked for."""

_GOLDEN = (5**0.5 - 1) / 2
_STEPS = 20


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Clips whose best score lies in one range.

    Attributes:
        low: where the range begins.
        high: where it ends; the end belongs to the next bin, except for 1, which belongs to the last.
        clips: their number.
        confidence: mean of their best scores; None without clips.
        accuracy: share of those whose best class is the true one; None without clips.
    """

    low: float
    high: float
    clips: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A temperature that was fitted on some clips and tried on others (Guo et al., ICML 2017).

    Attributes:
        temperature: by which the logits of each view are divided before their softmax.
        fitted_on: number of clips that the temperature minimises the negative log-likelihood of.
        tried_on: number of the other clips, which the figures below come from.
        nll_before: their mean negative log-likelihood, in nats, at temperature 1.
        nll_after: the same at the temperature fitted.
        ece_before: their expected calibration error at temperature 1, a share.
        ece_after: the same at the temperature fitted.
        bins: of the expected calibration error.
        seed: of the split of the clips into the two parts.
        provenance: of the predictions: the clips, and the protocol that the temperature is for.
    """

    temperature: float
    fitted_on: int
    tried_on: int
    nll_before: float
    nll_after: float
    ece_before: float
    ece_after: float
    bins: int
    seed: int
    provenance: Provenance

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature={self.temperature} must be above 0")

    @property
    def protocol(self) -> str:
        """Views and fusion of the predictions, in words."""
        return self.provenance.protocol_words

    @property
    def data(self) -> str:
        """Which clips, in words."""
        return self.provenance.data_words

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what was measured as words and as values."""
        figures = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "provenance"}
        return figures | {"protocol": self.protocol, "data": self.data, "provenance": self.provenance.to_dict()}

    def save(self, path: Path) -> None:
        """Write it as JSON; `Run.calibration_path` is its place in a run."""
        atomic_write(path, to_stamped_json(self))

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Read what `save` wrote, in this version or an earlier one.

        Raises:
            UserError: the file is missing or has other fields.
        """
        content = parse_json(read_bytes(path), path)
        if isinstance(content, dict):
            content = upgraded(content)
        return from_json(cls, json.dumps(content), source=path)


def reliability_curve(scores: Scores, labels: Labels, bins: int = 15) -> tuple[ReliabilityBin, ...]:
    """Return how confident and how right a network is, in equal-width bins of confidence.

    Args:
        scores: probabilities [N, K].
        labels: int [N].
        bins: how many.

    Raises:
        ValueError: shapes do not match, there is no bin, or a best score is not in [0, 1].
    """
    if bins < 1:
        raise ValueError(f"bins={bins} must be 1 or more")
    right = in_top_k(scores, labels, 1)
    confidence = scores.max(1, initial=-np.inf)
    # a softmax in single precision may be a little above 1
    if not ((confidence >= 0) & (confidence <= 1 + 1e-5)).all():
        raise ValueError("scores must be probabilities in [0, 1]; a network that diverged gives none")
    edges = np.linspace(0, 1, bins + 1)
    places = np.minimum(np.searchsorted(edges, confidence, side="right") - 1, bins - 1)
    return tuple(
        ReliabilityBin(
            low=float(edges[n]),
            high=float(edges[n + 1]),
            clips=int(inside.sum()),
            confidence=float(confidence[inside].mean()) if inside.any() else None,
            accuracy=float(right[inside].mean()) if inside.any() else None,
        )
        for n, inside in enumerate(places == n for n in range(bins))
    )


def expected_calibration_error(scores: Scores, labels: Labels, bins: int = 15) -> float:
    """Return the mean over the clips of |accuracy - confidence| of their bin (see `reliability_curve`).

    Nan without clips.
    """
    gaps = [
        part.clips * abs(part.accuracy - part.confidence)
        for part in reliability_curve(scores, labels, bins)
        if part.accuracy is not None and part.confidence is not None
    ]
    return sum(gaps) / len(labels) if len(labels) else float("nan")


def negative_log_likelihood(predictions: Predictions, temperature: float = 1.0) -> float:
    """Return the mean of -log of the true class's score, in nats, over clips that all have a label."""
    logs = log_probabilities(predictions.logits, predictions.fusion, temperature)
    return float(-logs[np.arange(len(predictions)), predictions.labels].mean())


def fit_temperature(predictions: Predictions) -> float:
    """Return the temperature between the ends of `TEMPERATURES` with the least negative log-likelihood.

    A golden-section search in the logarithm of the temperature, to a thousandth of it. All clips have a label.
    """
    low, high = np.log(TEMPERATURES)
    return float(np.exp(_minimise(lambda log: negative_log_likelihood(predictions, float(np.exp(log))), low, high)))


def calibrate(predictions: Predictions, *, bins: int = 15, seed: int = 0) -> Calibration:
    """Fit a temperature on one half of the labelled clips, drawn at random, and try it on the other.

    Raises:
        UserError: there are fewer than two labelled clips, or scores are not numbers.

    Warns:
        UserWarning: the temperature is at an end of the range, as it is where all clips are right or it is all guessed.
    """
    known = predictions.measurable()
    if len(known) < 2:
        raise UserError("a temperature needs two labelled clips or more: some to fit it on, others to try it on")
    if not np.isfinite(known.logits).all():
        raise UserError("some logits are not finite numbers; a network that diverged cannot be calibrated")
    order = np.random.default_rng(seed).permutation(len(known))
    half = (len(order) + 1) // 2
    fitted, tried = _rows(known, np.sort(order[:half])), _rows(known, np.sort(order[half:]))
    temperature = fit_temperature(fitted)
    if not TEMPERATURES[0] * 1.01 < temperature < TEMPERATURES[1] / 1.01:
        warnings.warn(
            f"the temperature {temperature:.3g} is at an end of the range that was searched, "
            f"{TEMPERATURES[0]:g} to {TEMPERATURES[1]:g}: the {len(fitted)} clips to fit it on are all right, or no "
            "better than guessed; do not rely on it",
            stacklevel=2,
        )
    before, after = tried.scores(), tried.scores(temperature)
    return Calibration(
        temperature=temperature,
        fitted_on=len(fitted),
        tried_on=len(tried),
        nll_before=negative_log_likelihood(tried),
        nll_after=negative_log_likelihood(tried, temperature),
        ece_before=expected_calibration_error(before, tried.labels, bins),
        ece_after=expected_calibration_error(after, tried.labels, bins),
        bins=bins,
        seed=seed,
        provenance=predictions.provenance,
    )


def _rows(predictions: Predictions, rows: NDArray[np.int64]) -> Predictions:
    return replace(
        predictions,
        logits=predictions.logits[rows],
        labels=predictions.labels[rows],
        paths=tuple(predictions.paths[row] for row in rows),
    )


def _minimise(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function of one minimum is least, by golden sections (Kiefer, 1953)."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2
