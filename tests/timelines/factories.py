"""Timelines whose classes are given."""

from typing import Any

import numpy as np

from recircle.timelines.timeline import Timeline
from tests.evaluation.factories import provenance

LABELS = ("lift", "push")


def make_timeline(best: str, **changes: Any) -> Timeline:
    """Return one of windows of 2 s, each 1 s, whose classes the letters L and P say; . is a doubt."""
    count = len(best)
    logits = np.zeros((count, 1, 2), np.float32)
    for row, letter in enumerate(best):
        if letter != ".":
            logits[row, 0, "LP".index(letter)] = 4
    fields: dict[str, Any] = {
        "video": "clip.mp4",
        "seconds": count + 1.0,
        "window": 2.0,
        "stride": 1.0,
        "starts": np.arange(count, dtype=np.float64),
        "ends": np.arange(count, dtype=np.float64) + 2,
        "frames": np.full(count, 50),
        "logits": logits,
        "labels": LABELS,
        "provenance": provenance(),
        "network": "0123456789abcdef",
    }
    return Timeline(**fields | changes)
