from typing import TypeVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recircle.layers.bilinear import AdjacentBilinearConv2d, BilinearConv3d, inflate

Layer = TypeVar("Layer", bound=nn.Module)


def randomise(layer: Layer) -> Layer:
    """Give a layer in evaluation mode values that make mistakes visible, in float64."""
    with torch.no_grad():
        for key, value in [*layer.named_parameters(), *layer.named_buffers()]:
            if value.is_floating_point():
                value.uniform_(0.8, 1.2) if key.endswith("running_var") else value.normal_(0, 0.5)
    return layer.double().eval()


def frame(x: Tensor, t: int) -> Tensor:
    """Return frame t of [B, T, C, H, W], zeros beyond the ends."""
    return x[:, t] if 0 <= t < x.shape[1] else torch.zeros_like(x[:, 0])


def product(first: Tensor, second: Tensor, norm: nn.Module) -> Tensor:
    """Return ReLU(norm(first) * second) by the definition of batch norm."""
    mean, var, weight, bias = (
        getattr(norm, name)[:, None, None] for name in ("running_mean", "running_var", "weight", "bias")
    )
    return (((first - mean) / (var + 1e-5).sqrt() * weight + bias) * second).clamp(min=0)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_over_time_frame_by_frame(frames: int) -> None:
    layer = randomise(BilinearConv3d(3, 4))
    x = torch.randn(2, frames, 3, 5, 6, dtype=torch.float64)
    y = layer(x)
    assert y.shape == (2, frames, 4, 5, 6)
    for t in range(frames):
        seen = torch.stack([frame(x, t - 1), frame(x, t), frame(x, t + 1)])
        first, second = (
            torch.stack([F.conv2d(seen[i], conv.weight[:, :, i], padding=1) for i in range(3)]).sum(0)
            for conv in (layer.conv, layer.factor)
        )
        second = second + layer.get_parameter("factor.bias")[:, None, None]
        expected = product(first, second, layer.norm)
        torch.testing.assert_close(y[:, t], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("share", [0.4, 1.0])
def test_adjacent_frame_by_frame(frames: int, share: float) -> None:
    layer = randomise(AdjacentBilinearConv2d(8, 4, share, stride=2))
    taken = layer.dynamic
    assert taken == (3 if share == 0.4 else 8)
    x = torch.randn(2, frames, 8, 5, 6, dtype=torch.float64)
    y = layer(x)
    assert y.shape == (2, frames, 4, 3, 3)
    for t in range(frames):
        seen = torch.cat((x[:, t], frame(x, t - 1)[:, 8 - taken :], frame(x, t + 1)[:, 8 - taken :]), 1)
        first = F.conv2d(seen, layer.conv.weight, stride=2, padding=1)
        second = F.conv2d(seen, layer.factor.weight, layer.factor.bias, stride=2, padding=1)
        torch.testing.assert_close(y[:, t], product(first, second, layer.norm), rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer", [BilinearConv3d(8, 6), AdjacentBilinearConv2d(8, 6)], ids=lambda m: type(m).__name__)
def test_at_first_an_image_convolution(layer: BilinearConv3d | AdjacentBilinearConv2d) -> None:
    x = torch.randn(2, 4, 8, 5, 5)
    weight = layer.conv.weight[:, :, 1] if layer.conv.weight.dim() == 5 else layer.conv.weight[:, :8]
    assert weight.std().item() == pytest.approx((2 / (6 * 9)) ** 0.5, rel=0.2)
    expected = F.conv2d(x.flatten(0, 1), weight, padding=1).div((1 + 1e-5) ** 0.5).relu().unflatten(0, (2, 4))
    torch.testing.assert_close(layer.eval()(x), expected)


def test_norm_takes_its_statistics_from_all_frames() -> None:
    layer = BilinearConv3d(3, 4)
    before = layer.train()(torch.randn(2, 5, 3, 6, 6))
    assert before.shape == (2, 5, 4, 6, 6)
    assert layer.norm.num_batches_tracked == 1
    flat = layer(torch.ones(2, 5, 3, 1, 1))
    torch.testing.assert_close(flat, torch.zeros_like(flat), rtol=0, atol=1e-3)


@pytest.mark.parametrize("layer", [BilinearConv3d(2, 2), AdjacentBilinearConv2d(2, 2)], ids=lambda m: type(m).__name__)
def test_gradients(layer: nn.Module) -> None:
    randomise(layer)
    parameters = dict(layer.named_parameters())
    x = torch.randn(1, 2, 2, 3, 3, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(parameters, values)), (x,))

    assert torch.autograd.gradcheck(run, (x, *parameters.values()))


@pytest.mark.parametrize("layer", [BilinearConv3d(4, 4), AdjacentBilinearConv2d(4, 4)], ids=lambda m: type(m).__name__)
def test_capture_for_any_number_of_frames(layer: nn.Module) -> None:
    randomise(layer)
    dims = {0: torch.export.Dim("B", min=1), 1: torch.export.Dim("T", min=1)}
    x = torch.randn(2, 3, 4, 5, 5, dtype=torch.float64)
    captured = torch.export.export(layer, (x,), dynamic_shapes={"x": dims}, strict=False).module()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    for frames in (1, 2, 6):
        x = torch.randn(1, frames, 4, 5, 5, dtype=torch.float64)
        expected = layer(x)
        torch.testing.assert_close(captured(x), expected)
        torch.testing.assert_close(compiled(x), expected)


def test_half_precision() -> None:
    for layer in (BilinearConv3d(4, 4), AdjacentBilinearConv2d(4, 4)):
        x = torch.randn(1, 3, 4, 5, 5)
        with torch.autocast("cpu", torch.bfloat16):
            y = layer.eval()(x)
        torch.testing.assert_close(y.float(), layer(x), rtol=0.05, atol=0.05)


def test_inflate() -> None:
    weight = torch.randn(4, 3, 2, 5)
    inflated = inflate(weight, 5)
    assert inflated.shape == (4, 3, 5, 2, 5)
    assert torch.equal(inflated[:, :, 2], weight)
    assert torch.equal(inflated.sum(2), weight)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"shape \(4, 3, 2\) is not that of an image convolution"):
        inflate(torch.zeros(4, 3, 2))
    with pytest.raises(ValueError, match="frames=2"):
        inflate(torch.zeros(4, 3, 2, 2), 2)
    with pytest.raises(ValueError, match="kernel_size=4"):
        BilinearConv3d(2, 2, 4)
    with pytest.raises(ValueError, match=r"share=0.1 of 4 channels is 0; take 1 to 4"):
        AdjacentBilinearConv2d(4, 4, 0.1)
    with pytest.raises(ValueError, match=r"share=1.5 of 4 channels is 6"):
        AdjacentBilinearConv2d(4, 4, 1.5)
    assert "dynamic=2" in str(AdjacentBilinearConv2d(4, 4))
