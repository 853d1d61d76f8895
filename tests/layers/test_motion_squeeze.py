import math
from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from recircle.layers.motion_squeeze import MotionSqueeze, local_correlation, motion_maps, soft_argmax
from recircle.surgery.tracing import trace


def correlate_by_loops(first: Tensor, second: Tensor, reach: int) -> Tensor:
    """Follow the definition for [N, C, H, W], one product at a time."""
    samples, _, height, width = first.shape
    volume = first.new_zeros(samples, height, width, 2 * reach + 1, 2 * reach + 1)
    for n, y, x in product(range(samples), range(height), range(width)):
        for dy, dx in product(range(-reach, reach + 1), repeat=2):
            if 0 <= y + dy < height and 0 <= x + dx < width:
                volume[n, y, x, reach + dy, reach + dx] = first[n, :, y, x] @ second[n, :, y + dy, x + dx]
    return volume


@pytest.mark.parametrize(("size", "reach"), [((4, 6), 2), ((5, 3), 4), ((1, 1), 1), ((3, 2), 0)])
def test_correlation_is_its_definition(size: tuple[int, int], reach: int) -> None:
    first, second = torch.randn(2, 3, 4, *size, dtype=torch.float64).unbind()
    volume = local_correlation(first, second, reach)
    torch.testing.assert_close(volume, correlate_by_loops(first, second, reach), rtol=1e-12, atol=1e-12)
    clips = local_correlation(first[:, None], second[:, None], reach)
    assert torch.equal(clips, volume[:, None])


def test_gradient_of_the_correlation() -> None:
    first, second = (torch.randn(2, 2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda a, b: local_correlation(a, b, 2), (first, second))


def expected_motion(correlation: Tensor, temperature: float, sigma: float) -> list[float]:
    """Follow the paper for one position, [2k + 1, 2k + 1]."""
    side = len(correlation)
    values = {(y, x): float(correlation[y, x]) for y, x in product(range(side), repeat=2)}
    top = max(values, key=lambda place: values[place])
    scores = {
        (y, x): math.exp(temperature * c * math.exp(-((y - top[0]) ** 2 + (x - top[1]) ** 2) / (2 * sigma**2)))
        for (y, x), c in values.items()
    }
    reach, total = side // 2, sum(scores.values())
    flow = [sum(s * (place[axis] - reach) for place, s in scores.items()) / total / reach for axis in (1, 0)]
    return [*flow, values[top]]


@pytest.mark.parametrize(("temperature", "sigma"), [(100.0, 5.0), (3.0, 1.5)])
def test_soft_argmax_is_the_papers(temperature: float, sigma: float) -> None:
    correlation = torch.rand(3, 4, 7, 7, dtype=torch.float64)
    maps = soft_argmax(correlation, temperature, sigma)
    assert maps.shape == (3, 4, 3)
    expected = torch.tensor(
        [[expected_motion(correlation[i, j], temperature, sigma) for j in range(4)] for i in range(3)]
    )
    torch.testing.assert_close(maps, expected.double(), rtol=1e-6, atol=1e-6)


def test_the_centre_of_the_gaussian_is_a_constant_in_the_gradient() -> None:
    torch.manual_seed(0)
    correlation = torch.rand(3, 3, dtype=torch.float64, requires_grad=True)
    maps = soft_argmax(correlation, 5.0, 1.0)
    (confidence,) = torch.autograd.grad(maps[2], correlation, retain_graph=True)
    assert torch.equal(confidence, (correlation == correlation.max()).double())
    top = int(correlation.argmax())
    steps = torch.arange(3.0, dtype=torch.float64)
    kernel = torch.exp(-((steps[:, None] - top // 3) ** 2 + (steps - top % 3) ** 2) / 2)
    weights = (5 * correlation * kernel).flatten().softmax(0).view(3, 3)
    by_hand = (weights * (steps - 1)).sum()
    torch.testing.assert_close(maps[0], by_hand)
    expected = torch.autograd.grad(by_hand, correlation)
    torch.testing.assert_close(torch.autograd.grad(maps[0], correlation), expected)


def test_gradients_of_the_maps() -> None:
    torch.manual_seed(1)
    x = torch.randn(1, 3, 4, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: motion_maps(x, 1, temperature=2.0), x)


@pytest.mark.parametrize(("dx", "dy"), [(2, 0), (0, -3), (-4, 1)])
def test_a_translation_is_found(dx: int, dy: int) -> None:
    torch.manual_seed(2)
    frame = torch.randn(1, 1, 32, 20, 20)
    clip = torch.cat([frame, frame.roll((dy, dx), (-2, -1)), frame.roll((2 * dy, 2 * dx), (-2, -1))], dim=1)
    inner = motion_maps(clip)[..., 7:13, 7:13]
    expected = torch.tensor([dx / 7, dy / 7, 1.0]).view(3, 1, 1).expand(inner.shape)
    torch.testing.assert_close(inner, expected, rtol=0, atol=0.02)


def test_the_last_frame_repeats_the_maps_before_it_and_a_single_one_is_compared_with_itself() -> None:
    x = torch.randn(2, 4, 8, 5, 6)
    maps = motion_maps(x, 3)
    assert maps.shape == (2, 4, 3, 5, 6)
    assert torch.equal(maps[:, 3], maps[:, 2])
    assert not torch.equal(maps[:, 2], maps[:, 1])
    torch.testing.assert_close(motion_maps(x[:, :2], 3)[:, 0], maps[:, 0])
    single = motion_maps(x[:, :1], 3)[:, 0]
    twice = motion_maps(x[:, :1].expand(-1, 2, -1, -1, -1), 3)[:, 0]
    torch.testing.assert_close(single, twice)
    torch.testing.assert_close(single[:, 2], torch.ones(2, 5, 6))


def test_the_arithmetic_is_in_float32() -> None:
    x = torch.randn(1, 3, 16, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        under = motion_maps(x, 3)
    assert torch.equal(under, motion_maps(x, 3))
    low = x.bfloat16()
    maps = motion_maps(low, 3)
    assert maps.dtype == torch.bfloat16
    assert torch.equal(maps, motion_maps(low.float(), 3).bfloat16())


def test_features_of_length_zero_have_no_motion_that_is_not_a_number() -> None:
    x = torch.zeros(1, 2, 3, 4, 4, requires_grad=True)
    maps = motion_maps(x, 2)
    assert maps.isfinite().all()
    maps.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def module() -> MotionSqueeze:
    torch.manual_seed(4)
    return MotionSqueeze(6, reduced=8, max_displacement=2)


def test_module_adds_refined_maps() -> None:
    block = module().eval()
    x = torch.randn(2, 3, 6, 5, 4)
    with torch.no_grad():
        maps = motion_maps(block.bn(block.conv(x)).relu(), 2)
        y = block(x)
        frames = [x[:, t] + block.refinement(maps[:, t]) for t in range(3)]
    torch.testing.assert_close(y, torch.stack(frames, 1))
    assert [m.kernel_size for m in block.modules() if isinstance(m, nn.Conv2d) and m.groups > 1] == [(7, 7)] + [
        (3, 3)
    ] * 3


def test_module_learns() -> None:
    block = module()
    block(torch.randn(2, 4, 6, 7, 7)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in block.parameters())


def test_depthwise_convolutions_start_with_a_fan_over_all_groups() -> None:
    weight = MotionSqueeze(512).get_parameter("refinement.3.depthwise.weight")
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.2)


def test_captured_and_compiled_for_any_b_and_t() -> None:
    block = module().eval()
    x = torch.randn(2, 3, 6, 5, 4)
    dims = {"x": {0: Dim("B", min=1), 1: Dim("T", min=1)}}
    program = torch.export.export(block, (x,), dynamic_shapes=dims, strict=False).module()
    compiled = torch.compile(block, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), block(x))
        for batch, frames in ((1, 1), (3, 2), (1, 5)):
            y = torch.randn(batch, frames, 6, 5, 4)
            torch.testing.assert_close(program(y), block(y))


def test_traced_as_one_call() -> None:
    ((prefix, graph),) = trace(module(), "")
    assert prefix == ""
    assert [node.target for node in graph.nodes if node.op == "call_function" and node.target is motion_maps]


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"one shape \[..., C, H, W\].*\(3, 4, 4\)"):
        local_correlation(torch.zeros(3, 4, 4), torch.zeros(3, 4, 4))
    with pytest.raises(ValueError, match=r"\(1, 2, 3, 3\) and \(1, 2, 3, 4\)"):
        local_correlation(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 4))
    with pytest.raises(ValueError, match="max_displacement=-1"):
        local_correlation(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3), -1)
    for shape in ((5, 3), (4, 4), (1, 1)):
        with pytest.raises(ValueError, match="k of 1 or more"):
            soft_argmax(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"motion_maps needs \[B, T, C, H, W\]"):
        motion_maps(torch.zeros(2, 3, 4, 4))
    with pytest.raises(ValueError, match="max_displacement=0"):
        motion_maps(torch.zeros(1, 2, 3, 4, 4), 0)
    with pytest.raises(ValueError, match="reduced=3"):
        MotionSqueeze(8, reduced=3)
    with pytest.raises(ValueError, match="max_displacement=0"):
        MotionSqueeze(8, max_displacement=0)
