"""One set of weights, run in fewer steps than it was learned with."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from recircle import create_model
from recircle.arc import ArcConfig, ArcConv2d, ArcLayer, ArcLinear, set_steps
from tests.arc.paths import gradients
from tests.arc.variants import VARIANTS, randomise

DIALS = {name: config for name, config in VARIANTS.items() if config.attention_module == "fc"}


def make(config: ArcConfig, groups: int = 1) -> ArcConv2d:
    return ArcConv2d(8, 8, 3, padding=1, groups=groups, config=config, norm=nn.BatchNorm2d(8), act=nn.ReLU()).double()


def with_parts_of(layer: ArcConv2d, config: ArcConfig, groups: int = 1) -> ArcConv2d:
    """Return a layer built for fewer steps, whose matrices are the first columns and last rows of another's."""
    fresh = make(config, groups)
    with torch.no_grad():
        for name, value in fresh.named_parameters():
            source = layer.get_parameter(name)
            if source.dim() == 2 and source.shape != value.shape:
                source = source[len(source) - len(value) :, : value.shape[1]]
            value.copy_(source[: len(value)])
        for name, value in fresh.named_buffers():
            value.copy_(layer.get_buffer(name))
    return fresh


@pytest.mark.parametrize("config", DIALS.values(), ids=DIALS)
@pytest.mark.parametrize("groups", [1, 8])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_it_is_the_layer_of_so_many_steps(config: ArcConfig, groups: int, steps: int) -> None:
    config = replace(config, steps=4)
    layer = make(config, groups)
    randomise(layer)
    expected = with_parts_of(layer, replace(config, steps=steps), groups).eval()
    layer.eval().set_steps(steps)
    x = torch.randn(2, 3, 8, 6, 5, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected(x))
    torch.testing.assert_close(gradients(layer, x)[0], gradients(expected, x)[0])


def test_it_can_be_turned_back() -> None:
    layer = make(ArcConfig())
    randomise(layer)
    layer.eval()
    x = torch.randn(2, 3, 8, 6, 5, dtype=torch.float64)
    with torch.no_grad():
        whole = layer(x)
        layer.set_steps(2)
        assert not torch.equal(layer(x), whole)
        layer.set_steps(4)
        assert torch.equal(layer(x), whole)


def test_a_whole_network() -> None:
    network = create_model("arc_tsm_resnet18", 5, width=8)
    set_steps(network, 2)
    assert {m.config.steps for m in network.modules() if isinstance(m, ArcLayer)} == {2}
    with pytest.raises(ValueError, match=r"layer1\.0.conv1: steps=8: this layer has weights for 4 steps at most"):
        set_steps(network, 8)
    assert {m.config.steps for m in network.modules() if isinstance(m, ArcLayer)} == {2}


def test_what_cannot_be_run_in_fewer_steps() -> None:
    with pytest.raises(ValueError, match="this Conv2d has no ARC layers"):
        set_steps(nn.Conv2d(3, 3, 1), 2)
    with pytest.raises(ValueError, match="and no other number"):
        set_steps(ArcLinear(8, 8, config=ArcConfig(attention_module="gru")), 2)
    with pytest.raises(ValueError, match="does not divide"):
        set_steps(ArcLinear(8, 8), 3)
    grouped = ArcConv2d(8, 12, 3, config=ArcConfig(), norm=nn.GroupNorm(4, 12))
    with pytest.raises(ValueError, match="cut through the groups"):
        set_steps(grouped, 3)


def test_the_matrices_are_made_for_all_steps_again() -> None:
    layer = make(ArcConfig())
    layer.set_steps(2)
    layer.reset_arc(8, 8)
    assert layer.attention is not None
    assert layer.attention.shape == (8, 6)
    assert layer.config.steps == 4
