from typing import Any

import pytest

from recircle.arc import ArcConfig
from recircle.arc.config import PRESETS


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
        ({"negative_slope": 1.1}, r"negative_slope=1.1 must lie in \[0, 1\]"),
        ({"attention_init": -0.1}, "attention_init=-0.1"),
        ({"pooling": "avg"}, "pooling='avg' is not one of max, mean"),
        ({"aggregation": "TS"}, r"aggregation='TS' is not one of S, T, ST, S\+T"),
        ({"feedback": "conv"}, "feedback='conv' is not one of norm_act, operator"),
    ],
)
def test_errors_name_field_value_and_fix(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ArcConfig(**options)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_names_whatever_their_steps(name: str) -> None:
    assert ArcConfig.preset(name).preset_name == name
    assert ArcConfig.preset(name, steps=8).preset_name == name
    assert ArcConfig.preset(name, pooling="soft").preset_name is None


def test_the_light_layer_is_the_papers_without_fusion() -> None:
    light, paper = ArcConfig.light(), ArcConfig.paper()
    assert light == ArcConfig.paper(fusion=False)
    assert not light.embeds
    assert (light.steps, light.aggregation, light.negative_slope) == (paper.steps, "S+T", 0.01)


def test_an_unknown_preset_is_told_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no ARC preset 'best'; use one of paper, published, light, temporal"):
        ArcConfig.preset("best")


def test_without_phi_the_sign_of_the_input_does_not_matter() -> None:
    assert "signed_input" not in ArcConfig.temporal().fields_in_use()
    assert "signed_input" in ArcConfig.temporal(interaction="multiplicative").fields_in_use()
