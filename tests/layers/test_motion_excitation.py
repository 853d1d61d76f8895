import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.export import Dim

from recircle.layers.motion_excitation import Gain, MotionExcitation, mean_change
from recircle.surgery.tracing import trace


def excitation(gain: Gain = "published") -> MotionExcitation:
    torch.manual_seed(0)
    layer = MotionExcitation(6, reduction=2, gain=gain).double()
    with torch.no_grad():
        for norm in (layer.bn1, layer.bn3):
            for value in (norm.weight, norm.bias, norm.running_mean):
                assert value is not None
                value.normal_()
    return layer.eval()


def gates_by_hand(layer: MotionExcitation, clip: Tensor) -> Tensor:
    """Return the gates [T, C] of a clip [T, C, H, W], a frame at a time and the difference before the mean."""
    reduced = [layer.bn1(F.conv2d(frame[None], layer.conv1.weight)) for frame in clip]
    rows = []
    for t, this in enumerate(reduced):
        change = torch.zeros_like(this)
        if t + 1 < len(reduced):
            change = F.conv2d(reduced[t + 1], layer.conv2.weight, padding=1, groups=3) - this
        pooled = F.adaptive_avg_pool2d(change, 1)
        rows.append(torch.sigmoid(layer.bn3(F.conv2d(pooled, layer.conv3.weight)))[0, :, 0, 0])
    return torch.stack(rows)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("gain", ["published", "paper"])
def test_equals_its_definition(gain: Gain, frames: int) -> None:
    layer = excitation(gain)
    x = torch.randn(2, frames, 6, 4, 5, dtype=torch.float64)
    gates = torch.stack([gates_by_hand(layer, clip) for clip in x])[..., None, None]
    expected = x + x * (gates - 0.5) if gain == "published" else x + x * (2 * gates - 1)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)


def test_last_frame_is_gated_as_without_motion() -> None:
    layer = excitation()
    x = torch.randn(1, 3, 6, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(x)[:, 2], layer(x[:, 2:])[:, 0])
        assert (layer(x)[:, 1] - layer(x[:, 1:2])[:, 0]).abs().max() > 1e-3


def test_gradients() -> None:
    layer = excitation()
    x = torch.randn(2, 3, 6, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    layer.train()(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in layer.parameters())


def test_half_precision_keeps_small_changes() -> None:
    x = torch.full((1, 2, 1, 8, 8), 1000.0).bfloat16()
    moved = x.clone()
    moved[:, 1, :, 0, 0] += 64
    assert mean_change(x, moved)[0, :, 0, 0, 0].tolist() == [1.0, 0.0]


def test_initial_weights() -> None:
    layer = MotionExcitation(512)
    assert layer.conv2.weight.std().item() == pytest.approx(math.sqrt(2 / (32 * 9)), rel=0.2)
    assert layer.conv1.weight.std().item() == pytest.approx(math.sqrt(2 / 32), rel=0.1)
    assert MotionExcitation(8).conv1.out_channels == 1


def test_captured_compiled_and_traced() -> None:
    layer = excitation()
    x = torch.randn(2, 3, 6, 4, 4, dtype=torch.float64)
    dims = {"x": {0: Dim("B", min=1), 1: Dim("T", min=1)}}
    program = torch.export.export(layer, (x,), dynamic_shapes=dims, strict=False).module()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    assert [prefix for prefix, _ in trace(layer, "")] == [""]
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), layer(x))
        for batch, frames in ((1, 1), (3, 2), (1, 5)):
            y = torch.randn(batch, frames, 6, 4, 4, dtype=torch.float64)
            torch.testing.assert_close(program(y), layer(y))


def test_errors() -> None:
    with pytest.raises(ValueError, match="channels=0, reduction=16"):
        MotionExcitation(0)
    with pytest.raises(ValueError, match="gain='twice' is not known; give one of published, paper"):
        MotionExcitation(8, gain="twice")  # pyright: ignore[reportArgumentType]
