"""Convolutions that keep their weight as oneDNN reads it compute what they computed before."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from recircle import torch_internals
from recircle.arc import ArcConfig, ArcConv2d
from recircle.layers import frames, reordered
from recircle.layers.reordered import ReorderedWeights, keep_reordered
from recircle.surgery.tracing import operator_of

pytestmark = pytest.mark.skipif(
    torch_internals.reorder_weight(torch.zeros(8, 8, 3, 3), (2, 8, 5, 5), (1, 1), (1, 1), (1, 1), 1) is None,
    reason="this PyTorch has no oneDNN",
)


def reordering(conv: nn.Module) -> nn.Module:
    conv.eval().requires_grad_(False)
    assert keep_reordered(conv)
    return conv


def kept(layer: nn.Module) -> dict[Any, dict[int, Tensor]]:
    weights = layer.reordered
    assert isinstance(weights, ReorderedWeights)
    return {} if not weights._kept else [*weights._kept.values()][-1].made


CONVOLUTIONS = [
    (nn.Conv2d(8, 16, 3, stride=2, padding=1), (2, 8, 9, 7)),
    (nn.Conv2d(8, 16, 1, bias=False), (2, 8, 9, 7)),
    (nn.Conv2d(8, 8, 3, groups=8, dilation=2), (3, 8, 9, 7)),
    (nn.Conv2d(8, 16, (1, 5), padding=(0, 2), groups=2), (2, 8, 6, 7)),
    (frames.Conv2d(8, 16, 3, padding=1), (2, 3, 8, 9, 7)),
    (nn.Conv3d(8, 16, 3, stride=(1, 2, 2), padding=1), (2, 8, 4, 9, 7)),
    (nn.Conv3d(64, 64, 3, padding=1), (1, 64, 2, 6, 5)),
]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(("conv", "shape"), CONVOLUTIONS)
def test_it_computes_the_same(conv: nn.Module, shape: tuple[int, ...], half: bool) -> None:
    fast, x = reordering(copy.deepcopy(conv)), torch.randn(shape)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        expected, found = conv(x), fast(x)
    assert kept(fast)
    assert issubclass(operator_of(fast) or nn.Module, operator_of(conv) or nn.Linear)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=2e-2 if half else 1e-4, atol=2e-2 if half else 1e-5)


def test_each_change_of_a_weight_is_seen() -> None:
    conv = nn.Conv2d(8, 8, 3)
    fast, x = reordering(conv), torch.randn(2, 8, 5, 5)

    def check() -> None:
        torch.testing.assert_close(fast(x), nn.functional.conv2d(x, conv.weight, conv.bias), rtol=1e-4, atol=1e-5)
        assert kept(fast)

    check()
    conv.weight.mul_(2)
    check()
    conv.weight = nn.Parameter(torch.randn(8, 8, 3, 3), requires_grad=False)
    check()
    conv.weight.data = torch.randn(8, 8, 3, 3)
    check()
    conv.load_state_dict(nn.Conv2d(8, 8, 3).state_dict())
    check()
    x = x.to(torch.bfloat16)
    fast.to(torch.bfloat16)
    expected = nn.functional.conv2d(x, conv.weight, conv.bias)
    torch.testing.assert_close(fast(x), expected, rtol=2e-2, atol=2e-2)


def test_copies_and_pickles_start_without_reordered_weights() -> None:
    fast, x = reordering(nn.Conv2d(8, 8, 3)), torch.randn(2, 8, 5, 5)
    expected = fast(x)
    for again in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert not kept(again)
        assert torch.equal(again(x), expected)
        assert kept(again)
    assert fast.state_dict().keys() == {"weight", "bias"}


def test_few_shapes_are_kept() -> None:
    fast = reordering(nn.Conv2d(8, 8, 3))
    for side in range(4, 12):
        fast(torch.randn(2, 8, side, 5))
    assert [shape[2] for shape, _ in kept(fast)] == [9, 10, 11]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fast(torch.randn(2, 8, 11, 5))
    assert len(kept(fast)) == reordered._SHAPES


def test_several_weights_of_one_layer_are_kept_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def reorder(weight: Tensor, *others: Any) -> Tensor | None:
        asked.append(len(weight))
        return torch_internals.reorder_weight(weight, *others)

    monkeypatch.setattr(reordered, "reorder_weight", reorder)
    several, x = [torch.randn(c, 8, 3, 3) for c in (4, 5, 6)], torch.randn(2, 8, 5, 5)
    weights, one = ReorderedWeights(), (1, 1)
    for weight in several * 3:
        found = weights.convolve(x, weight, None, one, one, one, 1)
        torch.testing.assert_close(found, nn.functional.conv2d(x, weight, padding=1), rtol=1e-4, atol=1e-5)
    assert asked == [4, 5, 6]
    for _ in range(3 * reordered._WEIGHTS):
        weights.convolve(x, torch.randn(4, 8, 3, 3), None, one, one, one, 1)
    assert len(weights._kept) <= reordered._WEIGHTS


def test_what_is_made_in_inference_mode_serves_outside_of_it() -> None:
    fast, x = reordering(nn.Conv2d(8, 8, 3)), torch.randn(2, 8, 5, 5)
    with torch.inference_mode():
        expected = fast(x)
    assert torch.equal(fast(x), expected)
    with torch.no_grad():
        assert torch.equal(fast(x), expected)


def test_gradients_records_and_watchers_get_the_ordinary_convolution() -> None:
    conv = nn.Conv2d(8, 8, 3)
    fast, x = reordering(copy.deepcopy(conv)), torch.randn(2, 8, 5, 5)
    leaf = x.clone().requires_grad_()
    fast(leaf).sum().backward()
    assert leaf.grad is not None
    with FlopCounterMode(display=False) as counter:
        fast(x)
    assert counter.get_total_flops() > 0
    assert torch.equal(torch.vmap(fast)(x[None])[0], conv(x))
    torch.testing.assert_close(fast(x[0]), conv(x[0]))
    fast.double()
    assert fast(x.double()).dtype == torch.float64
    assert not kept(fast)


def test_without_the_operators_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reordered, "reorder_weight", lambda *_: None)
    conv = nn.Conv2d(8, 8, 3)
    fast, x = reordering(copy.deepcopy(conv)), torch.randn(2, 8, 5, 5)
    assert torch.equal(fast(x), conv(x))


def test_other_convolutions_stay_as_they_are() -> None:
    class Doubled(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002
            return 2 * super().forward(input)

    others: list[nn.Module] = [
        Doubled(3, 3, 3),
        nn.Conv1d(3, 3, 3),
        nn.Conv2d(3, 3, 3, padding="same"),
        nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect"),
    ]
    for conv in others:
        kind = type(conv)
        assert not keep_reordered(conv)
        assert type(conv) is kind


@pytest.mark.parametrize("steps", [2, 4])
def test_each_step_of_an_arc_layer_has_its_own(steps: int) -> None:
    layer = ArcConv2d(8, 16, 3, padding=1, config=ArcConfig(steps=steps), act=nn.ReLU()).eval().requires_grad_(False)
    for matrix in layer.matrices:
        if isinstance(matrix, Tensor):
            matrix.normal_(0, 0.1)
    x = torch.rand(2, 3, 8, 7, 6)
    expected = layer(x)
    assert layer.keep_reordered()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: layer(x), range(8)))
    (made,) = kept(layer).values()
    assert len(made) == steps
    for one in found:
        torch.testing.assert_close(one, expected, rtol=1e-4, atol=1e-5)
