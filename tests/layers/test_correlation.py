import pytest
import torch
from torch import Tensor

from recircle.layers.correlation import WeightedCorrelation, weighted_correlation


def by_definition(x: Tensor, weight: Tensor, dilation: int, groups: int) -> Tensor:
    """Return the operator written out value by value, with a filter for each frame of `x`."""
    batch, channels, frames, height, width = x.shape
    size, each = weight.shape[-1], channels // groups
    y = x.new_zeros(batch, size * size, groups, frames, height, width)
    for t in range(frames):
        before, now = x[:, :, max(t - 1, 0)], x[:, :, t]
        for row in range(size):
            for column in range(size):
                down, right = dilation * (row - size // 2), dilation * (column - size // 2)
                for i in range(max(0, -down), min(height, height - down)):
                    for j in range(max(0, -right), min(width, width - right)):
                        products = weight[:, t, row, column] * before[:, :, i, j] * now[:, :, i + down, j + right]
                        y[:, row * size + column, :, t, i, j] = products.unflatten(1, (groups, each)).mean(2)
    return y.flatten(1, 2)


@pytest.mark.parametrize(("size", "dilation", "groups", "frames"), [(3, 1, 1, 3), (3, 2, 2, 2), (5, 2, 4, 1)])
def test_definition(size: int, dilation: int, groups: int, frames: int) -> None:
    x = torch.randn(2, 4, frames, 5, 6, dtype=torch.float64)
    weight = torch.randn(4, frames, size, size, dtype=torch.float64)
    y = weighted_correlation(x, weight, dilation, groups)
    assert y.shape == (2, size * size * groups, frames, 5, 6)
    torch.testing.assert_close(y, by_definition(x, weight, dilation, groups))


def test_the_current_frame_is_the_displaced_one() -> None:
    x = torch.zeros(1, 1, 2, 3, 3)
    x[0, 0, 0, 1, 1] = 2.0
    x[0, 0, 1, 1, 2] = 3.0
    y = weighted_correlation(x, torch.ones(1, 2, 3, 3))
    # the point moved one pixel to the right, which is the middle row's last tap, seen from where it was
    assert y[0, 5, 1].nonzero().tolist() == [[1, 1]]
    assert y[0, 5, 1, 1, 1] == 6
    assert (y[0, :, 1] != 0).sum() == 1


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 8])
def test_other_frames_take_the_nearest_filters(frames: int) -> None:
    x, weight = torch.randn(1, 2, frames, 3, 3), torch.randn(2, 4, 3, 3)
    nearest = torch.nn.functional.interpolate(weight.permute(2, 3, 0, 1).flatten(0, 1), size=frames, mode="nearest")
    nearest = nearest.unflatten(0, (3, 3)).permute(2, 3, 0, 1)
    torch.testing.assert_close(weighted_correlation(x, weight), weighted_correlation(x, nearest))


@pytest.mark.parametrize("frames", [1, 3])
def test_gradients(frames: int) -> None:
    x = torch.randn(1, 4, frames, 3, 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, weight: weighted_correlation(x, weight, 2, 2), (x, weight))
    assert torch.autograd.gradgradcheck(lambda x, weight: weighted_correlation(x, weight, 2, 2), (x, weight))


def test_half_precision_input_of_a_float32_layer() -> None:
    layer = WeightedCorrelation(4, 2, kernel_size=3, groups=2)
    x = torch.randn(1, 4, 2, 5, 5).bfloat16().requires_grad_()
    y = layer(x)
    torch.testing.assert_close(y, layer(x.float()))
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32


def test_training_keeps_no_tensor_per_tap() -> None:
    kept: list[Tensor] = []
    layer = WeightedCorrelation(8, 2)
    x = torch.randn(1, 8, 2, 6, 6, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda saved: kept.append(saved) or saved, lambda saved: saved):
        layer(x)
    assert sum(saved.numel() for saved in kept) <= x.numel() + 2 * layer.weight.numel()


def test_module() -> None:
    torch.manual_seed(2)
    layer = WeightedCorrelation(64, 8, groups=2)
    assert layer.out_channels == 98
    assert layer.weight.shape == (64, 8, 7, 7)
    assert layer.weight.std().item() == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.02)
    assert "64, frames=8, kernel_size=7, dilation=2, groups=2" in repr(layer)
    x = torch.randn(1, 64, 3, 4, 4)
    assert torch.equal(layer(x), weighted_correlation(x, layer.weight, 2, 2))


def test_exports_with_any_number_of_frames() -> None:
    layer = WeightedCorrelation(4, 6, kernel_size=3, groups=2).requires_grad_(False)
    sizes = {"x": {0: torch.export.Dim("B", min=1), 2: torch.export.Dim("T", min=1)}}
    program = torch.export.export(layer, (torch.randn(2, 4, 3, 4, 4),), dynamic_shapes=sizes, strict=False).module()
    for frames in (1, 2, 7):
        x = torch.randn(1, 4, frames, 4, 4)
        torch.testing.assert_close(program(x), layer(x))


# torch's compiler makes an instance of every autograd function, which torch deprecates
@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
def test_compiles_for_training() -> None:
    layer = WeightedCorrelation(4, 2, kernel_size=3, groups=2)
    x = torch.randn(1, 4, 2, 4, 4)
    (expected,) = torch.autograd.grad(layer(x).square().sum(), layer.weight)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    (gradient,) = torch.autograd.grad(compiled(x).square().sum(), layer.weight)
    torch.testing.assert_close(gradient, expected)


def test_errors() -> None:
    weight = torch.zeros(4, 2, 3, 3)
    with pytest.raises(ValueError, match=r"needs \[B, 4, T, H, W\], got a tensor of shape \(1, 3, 2, 5, 5\)"):
        weighted_correlation(torch.zeros(1, 3, 2, 5, 5), weight)
    with pytest.raises(ValueError, match="kernel_size=4 is even"):
        weighted_correlation(torch.zeros(1, 4, 2, 5, 5), torch.zeros(4, 2, 4, 4))
    with pytest.raises(ValueError, match=r"a weight of shape \(4, 2, 3, 5\)"):
        weighted_correlation(torch.zeros(1, 4, 2, 5, 5), torch.zeros(4, 2, 3, 5))
    with pytest.raises(ValueError, match="groups=3 do not divide 4 channels"):
        weighted_correlation(torch.zeros(1, 4, 2, 5, 5), weight, groups=3)
    with pytest.raises(ValueError, match="dilation=0"):
        WeightedCorrelation(4, 2, dilation=0)
    with pytest.raises(ValueError, match="frames=0"):
        WeightedCorrelation(4, 0)
