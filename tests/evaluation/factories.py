"""Predictions whose scores are given, random ones, and what they were measured under."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recircle.evaluation.machine import Machine
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import ClipSource, Provenance
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling


def provenance(**changes: Any) -> Provenance:
    """Return that of one view of 8 frames a clip, with some of its fields changed."""
    fields: dict[str, Any] = {
        "protocol": Protocol(),
        "sampling": Sampling(),
        "preprocessing": Preprocessing(),
        "clips": ClipSource(manifest="m.csv", split="test"),
        "order": "as is",
        "precision": "fp32",
        "machine": Machine(device="cpu", name="a processor", threads=2, pytorch="2.13.0"),
    }
    return Provenance(**fields | changes)


def predicted(
    classes: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    families: Mapping[str, str] | None = None,
    prefix: str = "clip",
) -> Predictions:
    """Return predictions of one clip for each pair (true class, predicted class); the next class scores second."""
    numbers = {name: number for number, name in enumerate(classes)}
    logits = np.zeros((len(pairs), 1, len(classes)), dtype=np.float32)
    for row, (_, guess) in enumerate(pairs):
        logits[row, 0, numbers[guess]] = 4
        logits[row, 0, (numbers[guess] + 1) % len(classes)] = 2
    return Predictions(
        logits=logits,
        labels=np.array([numbers[true] for true, _ in pairs], dtype=np.int64),
        paths=tuple(f"{prefix}{row}.mp4" for row in range(len(pairs))),
        classes=tuple(classes),
        families=dict(families or {}),
        provenance=provenance(),
    )


def random_predictions(seed: int, clips: int = 80, classes: int = 6, views: int = 1, scale: float = 2.0) -> Predictions:
    """Return predictions whose true class scores a little higher than the others."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=clips)
    logits = rng.normal(size=(clips, views, classes))
    logits[np.arange(clips), :, labels] += 1
    return Predictions(
        logits=(scale * logits).astype(np.float32),
        labels=labels,
        paths=tuple(f"{row}.mp4" for row in range(clips)),
        classes=tuple("abcdefghijklmnopqrstuvwxyz"[:classes]),
        provenance=provenance(protocol=Protocol(clips=views)),
    )
