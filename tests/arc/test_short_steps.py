"""Small maps without fusion and without gradients: the layer in few calls is the layer of the equations."""

import pytest
import torch
from torch import Tensor, nn

from recircle.arc import ArcConfig, ArcConv2d, functional, short_steps
from recircle.arc.short_steps import takes_short_steps
from tests.arc.paths import by_the_equations
from tests.arc.variants import randomise

ATTENTION = {
    "light": ArcConfig.light(),
    "two steps": ArcConfig.light(steps=2),
    "mean": ArcConfig.light(pooling="mean"),
    "no phi": ArcConfig.light(negative_slope=1.0),
    "ReLU": ArcConfig.light(negative_slope=0.0),
    "over space": ArcConfig.light(aggregation="S"),
    "over time": ArcConfig.temporal(),
}


def clips(*shape: int) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, shape[:2])


def make(config: ArcConfig, stride: int = 1) -> ArcConv2d:
    layer = ArcConv2d(6, 8, 3, stride, 1, config=config, norm=nn.BatchNorm2d(8), act=nn.ReLU()).double().eval()
    randomise(layer)
    return layer


@pytest.mark.parametrize("config", ATTENTION.values(), ids=ATTENTION)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(2, 3, 6, 6, 8), (1, 4, 6, 4, 4), (2, 1, 6, 4, 6), (1, 3, 6, 7, 5), (2, 3, 6, 1, 1)])
def test_it_is_the_equations(
    config: ArcConfig, stride: int, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functional, "forward_in_place", None)
    layer, x = make(config, stride), clips(*shape)
    given = x.clone()
    with torch.no_grad():
        torch.testing.assert_close(layer(x), by_the_equations(layer, x), rtol=0, atol=1e-12)
    assert torch.equal(x, given)


def test_large_maps_and_those_with_the_channels_first_have_another_form(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = make(ArcConfig.light()), clips(2, 3, 6, 6, 8)
    assert takes_short_steps(x, layer.config, layer.steps, layer.clip_dims)
    assert not takes_short_steps(x.contiguous(), layer.config, layer.steps, layer.clip_dims)
    monkeypatch.setattr(short_steps, "SMALL", x.numel() * x.element_size() - 1)
    assert not takes_short_steps(x, layer.config, layer.steps, layer.clip_dims)
