"""f(X + A) = f(X) + f(A): a layer that runs its operator once computes what the general form does."""

import pytest
import torch
from torch import Tensor, nn

from recircle.arc import ArcConfig, ArcConv1d, ArcConv2d, ArcConv3d, ArcLayer, ArcLinear
from tests.arc.paths import general_form
from tests.arc.variants import randomise

SUMS = {
    "temporal": ArcConfig.temporal(),
    "four steps": ArcConfig.temporal(steps=4),
    "mean": ArcConfig.temporal(pooling="mean"),
    "joint": ArcConfig.temporal(aggregation="ST", steps=4),
    "signed input": ArcConfig.temporal(signed_input=True),
}


def layers(config: ArcConfig, act: nn.Module | None) -> list[tuple[ArcLayer, Tensor]]:
    x = torch.randn(2, 3, 6, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    last = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    pairs: list[tuple[ArcLayer, Tensor]] = [
        (ArcConv2d(6, 8, 3, config=config, act=act), x),
        (ArcConv2d(6, 8, 3, 2, 1, config=config, act=act), x),
        (ArcConv2d(6, 8, 3, 2, 1, bias=False, config=config, act=act), last.unflatten(0, (2, 3))),
        (ArcConv2d(6, 8, 3, padding="same", dilation=2, padding_mode="reflect", config=config, act=act), x),
        (ArcConv1d(6, 8, 3, 2, 1, config=config, act=act), x[..., 0]),
        (ArcLinear(6, 8, config=config, act=act), x[..., 0].transpose(2, 3)),
    ]
    for layer, _ in pairs:
        randomise(layer.double().eval())
    return pairs


@pytest.mark.parametrize("act", [nn.ReLU(), nn.ReLU(inplace=True), nn.GELU(), None], ids=str)
@pytest.mark.parametrize("config", SUMS.values(), ids=SUMS)
def test_it_computes_the_same(config: ArcConfig, act: nn.Module | None) -> None:
    for layer, x in layers(config, act):
        given = x.clone()
        with general_form():
            expected = layer(x)
        assert layer.superpose()
        with torch.no_grad():
            torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
            torch.testing.assert_close(layer(x[:1]), expected[:1], rtol=0, atol=1e-12)
        # where it may be recorded
        torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
        assert torch.equal(x, given)


def test_gradients_of_the_input_are_those_of_the_general_form() -> None:
    for layer, x in layers(ArcConfig.temporal(steps=4), nn.ReLU(inplace=True)):
        x = x.detach().requires_grad_()
        with general_form():
            (expected,) = torch.autograd.grad(layer(x).square().sum(), x)
        layer.superpose()
        layer.requires_grad_(False)
        (grad,) = torch.autograd.grad(layer(x).square().sum(), x)
        torch.testing.assert_close(grad, expected)


def test_frames_in_the_batch_dimension_and_the_number_of_steps() -> None:
    layer, x = layers(ArcConfig.temporal(steps=4), nn.ReLU())[0]
    layer.frames = 3
    layer.set_steps(2)
    expected = layer(x.flatten(0, 1))
    layer.set_steps(4)
    layer.superpose()
    layer.set_steps(2)
    with torch.no_grad():
        torch.testing.assert_close(layer(x.flatten(0, 1)), expected)
    assert layer._terms == 1
    layer.set_steps(1)
    assert layer._terms == 0
    plain = torch.nn.functional.conv2d(x.flatten(0, 1), layer.weight, layer.bias).relu()
    with torch.no_grad():
        torch.testing.assert_close(layer(x.flatten(0, 1)), plain)
    layer.set_steps(2)
    assert layer._terms == 1
    with torch.no_grad():
        torch.testing.assert_close(layer(x.flatten(0, 1)), expected)


def test_it_moves_with_the_layer() -> None:
    layer, x = layers(ArcConfig.temporal(), None)[0]
    layer.superpose()
    with torch.no_grad():
        assert layer.float()(x.float()).dtype == torch.float32
    assert not any("term" in name for name in layer.state_dict())


@pytest.mark.parametrize(
    "layer",
    [
        ArcConv2d(6, 8, 3, config=ArcConfig()),
        ArcConv2d(6, 8, 3, config=ArcConfig.temporal(negative_slope=0.01)),
        ArcConv2d(6, 8, 3, config=ArcConfig.temporal(aggregation="S+T")),
        ArcConv2d(6, 8, 3, config=ArcConfig.temporal(feedback="operator"), norm=nn.BatchNorm2d(8)),
        ArcConv2d(6, 8, 3, config=ArcConfig.temporal(steps=1)),
        ArcConv2d(6, 8, 3, config=ArcConfig.temporal(), norm=nn.BatchNorm2d(8)),
        ArcConv2d(8, 8, 3, groups=8, config=ArcConfig.temporal()),
        ArcConv3d(6, 8, 3, config=ArcConfig.temporal()),
    ],
    ids=["paper", "phi", "S+T", "operator", "one step", "norm", "groups", "3d"],
)
def test_others_stay_as_they_are(layer: ArcLayer) -> None:
    assert not layer.superpose()
