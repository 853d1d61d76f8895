"""Compiled layers compute in another order of dimensions; results and gradients stay the same."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recircle.arc import ArcConfig, ArcConv1d, ArcConv2d, ArcConv3d, ArcLinear
from recircle.surgery import prepare_for_inference
from tests.arc.variants import VARIANTS, randomise

LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "1-D": (ArcConv1d(6, 8, 3, 2, 1, norm=nn.BatchNorm1d(8), act=nn.ReLU()), (2, 3, 6, 8)),
    "3-D": (ArcConv3d(6, 8, 3, (1, 2, 2), 1, norm=nn.BatchNorm3d(8), act=nn.ReLU()), (2, 6, 3, 6, 6)),
    "3-D, strided over time": (ArcConv3d(6, 8, 3, 2, 1, norm=nn.BatchNorm3d(8)), (2, 6, 4, 6, 5)),
    "two groups": (ArcConv2d(8, 8, 3, 1, 1, groups=2), (2, 3, 8, 5, 5)),
    "depthwise": (ArcConv2d(8, 8, 3, 2, 1, groups=8, norm=nn.BatchNorm2d(8), act=nn.ReLU()), (2, 3, 8, 6, 6)),
    "tokens": (ArcLinear(6, 8, act=nn.GELU()), (2, 3, 5, 6)),
}


def clip(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))


def compiled(layer: nn.Module) -> Any:
    randomise(layer)
    layer.eval()
    torch._dynamo.reset()
    return torch.compile(layer, fullgraph=True, backend="aot_eager")


def check(layer: nn.Module, x: Tensor) -> None:
    y, expected = compiled(layer)(x), layer(x)
    torch.testing.assert_close(y, expected)
    inputs, weights = list(layer.parameters()), clip(*y.shape)
    found, right = (torch.autograd.grad((z * weights).sum(), inputs) for z in (y, expected))
    torch.testing.assert_close(found, right, rtol=1e-4, atol=1e-4)


# the stride halves 6 and 8; 7 and 5 become 4 and 3
@pytest.mark.parametrize(
    ("name", "size"),
    [("paper", (6, 8)), ("published", (7, 5)), ("ST mean", (6, 5)), ("S+T GRU", (7, 8)), ("multiplicative S", (6, 8))],
)
def test_variants(name: str, size: tuple[int, int]) -> None:
    layer = ArcConv2d(6, 8, 3, 2, 1, config=VARIANTS[name], norm=nn.BatchNorm2d(8), act=nn.ReLU())
    check(layer, clip(2, 3, 6, *size))


@pytest.mark.parametrize("name", LAYERS)
def test_operators(name: str) -> None:
    layer, shape = LAYERS[name]
    check(layer, clip(*shape))


@pytest.mark.parametrize("config", [ArcConfig.temporal(), ArcConfig.temporal(steps=4), ArcConfig.paper()])
def test_prepared(config: ArcConfig) -> None:
    layer = ArcConv2d(6, 8, 3, 2, 1, config=config, norm=nn.BatchNorm2d(8), act=nn.ReLU())
    randomise(layer)
    prepared, x = prepare_for_inference(layer.eval()), clip(2, 3, 6, 6, 8)
    torch._dynamo.reset()
    whole: Any = torch.compile(prepared, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(whole(x), prepared(x))


@torch.no_grad()
def test_clips_of_other_lengths() -> None:
    layer = ArcConv2d(6, 8, 3, 2, 1, norm=nn.BatchNorm2d(8), act=nn.ReLU())
    run = compiled(layer)
    for frames in (2, 3, 5):
        x = clip(2, frames, 6, 7, 6)
        torch.testing.assert_close(run(x), layer(x))


@torch.no_grad()
def test_channels_last_memory_stays() -> None:
    layer = ArcConv2d(6, 8, 3, padding=1, config=ArcConfig.paper())
    x = clip(2, 3, 6, 6, 5).movedim(2, -1).contiguous().movedim(-1, 2)
    y = compiled(layer)(x)
    torch.testing.assert_close(y, layer(x))
    assert y.movedim(2, -1).is_contiguous()


@pytest.mark.parametrize("config", [ArcConfig.paper(), ArcConfig.light()])
def test_training_keeps_as_much_with_more_steps_and_learns_the_same(config: ArcConfig) -> None:
    kept: list[int] = []
    for steps in (2, 4):
        layer = ArcConv2d(6, 8, 3, 1, 1, config=replace(config, steps=steps), norm=nn.BatchNorm2d(8), act=nn.ReLU())
        randomise(layer)
        twin, x, weights = copy.deepcopy(layer).train(), clip(2, 3, 6, 6, 8), clip(2, 3, 8, 6, 8)
        torch._dynamo.reset()
        whole: Any = torch.compile(layer.train(), fullgraph=True, backend="aot_eager")
        held: dict[int, int] = {}

        def note(tensor: Tensor, held: dict[int, int] = held) -> Tensor:
            held[tensor.data_ptr()] = tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            y = whole(x)
        kept.append(sum(held.values()) - sum(parameter.numel() for parameter in layer.parameters()))
        expected = twin(x)
        torch.testing.assert_close(y, expected)
        found = torch.autograd.grad((y * weights).sum(), list(layer.parameters()))
        right = torch.autograd.grad((expected * weights).sum(), list(twin.parameters()))
        torch.testing.assert_close(found, right, rtol=1e-4, atol=1e-4)
        for one, other in zip(layer.buffers(), twin.buffers()):
            torch.testing.assert_close(one, other)
    assert kept[1] <= 1.02 * kept[0]
