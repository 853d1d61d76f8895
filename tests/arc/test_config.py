from typing import Any

import pytest

from recircle.arc import ArcConfig


def test_presets_differ_in_pooling_and_slope() -> None:
    paper, published = ArcConfig.paper(), ArcConfig.published()
    assert (paper.pooling, paper.negative_slope) == ("max", 0.01)
    assert (published.pooling, published.negative_slope) == ("mean", 0.0)
    assert paper.steps == published.steps == 4
    assert ArcConfig.published(steps=2, negative_slope=0.1) == ArcConfig(steps=2, pooling="mean", negative_slope=0.1)


@pytest.mark.parametrize(
    ("options", "evolves", "embeds"),
    [
        ({}, True, True),
        ({"steps": 1}, False, False),
        ({"attention": False, "fusion": False}, False, False),
        ({"attention": False}, True, False),
        ({"fusion": False, "embedding": True}, True, True),
        ({"embedding": False}, True, False),
    ],
)
def test_the_embedding_follows_the_published_code_unless_told(options: Any, evolves: bool, embeds: bool) -> None:
    config = ArcConfig(**options)
    assert (config.evolves, config.embeds) == (evolves, embeds)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps=0"),
        ({"negative_slope": 1.0}, r"negative_slope=1.0 must lie in \[0, 1\)"),
        ({"attention_init": -0.1}, "attention_init=-0.1"),
        ({"pooling": "avg"}, "pooling='avg' is not one of max, mean"),
        ({"aggregation": "TS"}, r"aggregation='TS' is not one of S, T, ST, S\+T"),
        ({"feedback": "conv"}, "feedback='conv' is not one of norm_act, operator"),
    ],
)
def test_errors_name_field_value_and_fix(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ArcConfig(**options)
