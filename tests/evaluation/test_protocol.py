"""The protocol in words, and its limits."""

from typing import Any

import pytest

from recircle.evaluation.protocol import Protocol
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling


@pytest.mark.parametrize(
    ("protocol", "sampling", "preprocessing", "words"),
    [
        (
            Protocol(),
            Sampling(frames=8),
            Preprocessing(),
            "8 frames by time x 1 clip x 1 crop of 224 px from 256 px, softmax mean",
        ),
        (
            Protocol(clips=10, crops=3, fusion="logits"),
            Sampling(mode="dense", stride=8),
            Preprocessing(),
            "8 frames 8 apart by time x 10 clips x 3 crops of 256 px from 256 px, logits mean",
        ),
        (
            Protocol(clips=2),
            Sampling(frames=1),
            Preprocessing(resize=(128, 171), crop=(112, 96)),
            "1 frame by time x 2 clips x 1 crop of 112x96 px from 128x171 px, softmax mean",
        ),
        (
            Protocol(),
            Sampling(frames=24, snippet=3),
            Preprocessing(),
            "8x3 frames by time x 1 clip x 1 crop of 224 px from 256 px, softmax mean",
        ),
    ],
)
def test_in_words(protocol: Protocol, sampling: Sampling, preprocessing: Preprocessing, words: str) -> None:
    assert protocol.describe(sampling, preprocessing) == words


def test_short() -> None:
    assert str(Protocol(clips=2, crops=3)) == "2 clips x 3 crops, softmax mean"
    assert Protocol(clips=2, crops=3).views == 6


@pytest.mark.parametrize("field", [{"clips": 0}, {"crops": 2}, {"fusion": "max"}])
def test_a_wrong_value_is_named(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(field))):
        Protocol(**field)
