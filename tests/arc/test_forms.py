"""Every field of `ArcConfig`, at every value, in every form: a fast form computes what the general one does, or not at
all. The values are made from the fields' types, so a new field takes part by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, get_args, get_type_hints
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn

from recircle.arc import ArcConfig, ArcConv2d, functional
from recircle.arc.attention_only import ATTENTION_ONLY, only_attends
from recircle.arc.forms import ANY, Form
from recircle.arc.in_place import IN_PLACE, evolves_in_place
from recircle.arc.recomputation import RECOMPUTED, recomputes
from recircle.arc.short_steps import SHORT_STEPS, takes_short_steps
from recircle.arc.superposed import SUPERPOSED
from tests.arc.paths import by_the_equations, general_form, gradients
from tests.arc.variants import randomise

NUMBERS: dict[str, tuple[Any, ...]] = {
    "steps": (1, 2, 4, 8),
    "negative_slope": (0.0, 0.01, 0.5, 1.0),
    "attention_init": (0.0, 0.1),
}
"""Values of the fields whose type does not list them."""

BASES = {
    "paper": ArcConfig(),
    "operator": ArcConfig(feedback="operator"),
    "attention alone": ArcConfig(fusion=False),
    "fusion alone": ArcConfig(attention=False),
    "signed": ArcConfig(signed_input=True),
}


def values_of(name: str) -> tuple[Any, ...]:
    if name in NUMBERS:
        return NUMBERS[name]
    kind = get_type_hints(ArcConfig)[name]
    if bool in (kind, *get_args(kind)):
        return (False, True, *(() if kind is bool else (None,)))
    assert get_args(kind), f"say in NUMBERS which values of ArcConfig.{name} to test"
    return get_args(kind)


CASES = [(field.name, value) for field in fields(ArcConfig) for value in values_of(field.name)]


@contextmanager
def forms_used() -> Iterator[list[str]]:
    """Note which forms compute."""
    used: list[str] = []

    def watch(name: str) -> Any:
        original = getattr(functional, name)

        def run(*args: Any, **options: Any) -> Tensor:
            used.append(name)
            return original(*args, **options)

        return patch.object(functional, name, run)

    with (
        watch("recurse"),
        watch("forward_in_place"),
        watch("forward_short_steps"),
        watch("forward_recomputed"),
        watch("forward_attention_only"),
    ):
        yield used


def make(config: ArcConfig) -> ArcConv2d:
    layer = ArcConv2d(6, 8, 3, 2, 1, config=config, norm=nn.BatchNorm2d(8), act=nn.ReLU()).double().eval()
    randomise(layer)
    return layer


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{name}={value}" for name, value in CASES])
def test_every_value_of_every_field_in_every_form(name: str, value: object, base: str) -> None:
    config = replace(BASES[base], **{name: value})
    layer = make(config)
    # 7 and 5 become 4 and 3, which do not divide them
    x = torch.randn(2, 3, 6, 7, 5, dtype=torch.float64)
    with torch.no_grad():
        with general_form():
            expected = layer(x)
        with forms_used() as used:
            y = layer(x)
        torch.testing.assert_close(y, expected, rtol=0, atol=1e-10)
        last = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (2, 3))
        with forms_used() as used_last:
            torch.testing.assert_close(layer(last), expected, rtol=0, atol=1e-10)
        if config.evolves and takes_short_steps(last, config, layer.steps, layer.clip_dims):
            assert used_last == ["forward_short_steps"]
        else:
            assert used_last == used
        if config.evolves:
            assert used == ["forward_in_place" if evolves_in_place(config, layer.steps) else "recurse"]
        if config.evolves and config.attention_module == "fc" and not config.signed_input:
            torch.testing.assert_close(expected, by_the_equations(layer, x), rtol=0, atol=1e-10)
    with general_form():
        plain = gradients(layer, x)
    with forms_used() as used:
        fast = gradients(layer, x)
    torch.testing.assert_close(fast, plain, rtol=1e-10, atol=1e-10)
    if config.evolves:
        recomputed = "forward_recomputed" if recomputes(config, layer.steps) else "recurse"
        assert used == ["forward_attention_only" if only_attends(config, layer.steps) else recomputed]


@pytest.mark.parametrize(
    ("config", "in_place", "recomputed", "alone"),
    [
        (ArcConfig(), True, True, False),
        (ArcConfig.published(), True, True, False),
        (ArcConfig.temporal(), True, True, True),
        (ArcConfig.temporal(embedding=True), True, True, False),
        (ArcConfig.temporal(pooling="soft"), False, False, False),
        (ArcConfig(signed_input=True), True, False, False),
        (ArcConfig(interaction="multiplicative"), False, False, False),
        (ArcConfig(attention_module="gru"), False, False, False),
        (ArcConfig(pooling="soft"), False, False, False),
        (
            ArcConfig(attention=False, pooling="soft", interaction="multiplicative", attention_module="gru"),
            True,
            True,
            False,
        ),
    ],
)
def test_which_variants_have_fast_forms(config: ArcConfig, in_place: bool, recomputed: bool, alone: bool) -> None:
    layer = ArcConv2d(8, 8, 3, config=config)
    assert evolves_in_place(config, layer.steps) is in_place
    assert recomputes(config, layer.steps) is recomputed
    assert only_attends(config, layer.steps) is alone
    grouped = ArcConv2d(8, 8, 3, groups=8, config=config).steps
    assert not evolves_in_place(config, grouped)
    assert not recomputes(config, grouped)
    assert not only_attends(config, grouped)


@dataclass(frozen=True, kw_only=True)
class WithNewOption(ArcConfig):
    """What a variant that no form has been told of looks like."""

    temperature: float = 1.0


def test_an_option_that_no_form_lists_gets_the_general_form() -> None:
    layer = make(WithNewOption())
    x = torch.randn(2, 3, 6, 7, 5, dtype=torch.float64)
    with forms_used() as used:
        gradients(layer, x)
        with torch.no_grad():
            layer(x)
    assert used == ["recurse", "recurse"]


def test_all_fields_are_listed_and_no_others() -> None:
    names = {field.name for field in fields(ArcConfig)}
    for form in (IN_PLACE, SHORT_STEPS, RECOMPUTED, ATTENTION_ONLY, SUPERPOSED):
        assert form.knows.keys() == names
        for name, values in form.knows.items():
            assert values is ANY or all(value in values_of(name) for value in values)
    assert not Form({}).takes(ArcConfig())
