"""The learnable shifts against the formulas of the published kernels, written as loops."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from recircle.layers.attention_shift import AttentionShift
from recircle.layers.rubiks_shift import RubiksShift, ShiftGradient, rubiks_shift

# whole numbers, halves, and beyond the edges of the input, in each row
SHIFTS = torch.tensor(
    [
        [0.3, -0.7, 1.0, 0.0, -1.4, 5.0, 0.9],
        [-0.2, 2.0, 0.5, 0.0, -3.6, 0.1, 2.3],
        [0.8, -1.3, 0.4, -1.0, 0.0, 0.6, -9.5],
    ],
    dtype=torch.float64,
)
SHAPE = (2, 3, 7, 5, 4)


def value(x: Tensor, b: int, c: int, place: tuple[int, ...]) -> float:
    """Return x at (t, h, w), or 0 outside."""
    t, h, w = place
    inside = all(0 <= i < n for i, n in zip(place, (x.shape[1], x.shape[3], x.shape[4])))
    return float(x[b, t, c, h, w]) if inside else 0.0


def outputs(x: Tensor, stride: int) -> list[tuple[int, ...]]:
    """Return all (b, c, t, h, w) of the output."""
    height, width = ((side - 1) // stride + 1 for side in x.shape[3:])
    return list(itertools.product(range(x.shape[0]), range(x.shape[2]), range(x.shape[1]), range(height), range(width)))


def oracle(x: Tensor, shift: Tensor, stride: int) -> Tensor:
    shape = (*x.shape[:3], *((side - 1) // stride + 1 for side in x.shape[3:]))
    out = torch.zeros(shape, dtype=x.dtype)
    for b, c, t, h, w in outputs(x, stride):
        position = [i + float(s) for i, s in zip((t, h * stride, w * stride), shift[:, c])]
        for corner in itertools.product((0, 1), repeat=3):
            place = tuple(math.floor(p) + k for p, k in zip(position, corner))
            weight = math.prod(1 - abs(p - i) for p, i in zip(position, place))
            out[b, t, c, h, w] += weight * value(x, b, c, place)
    return out


def published_gradient(x: Tensor, shift: Tensor, stride: int, grad: Tensor) -> Tensor:
    """Return the kernel's gradient of a shift of three rows: one index per corner, moved where a remainder is 0."""
    result = torch.zeros_like(shift)
    for b, c, t, h, w in outputs(x, stride):
        whole = [math.floor(s) for s in shift[:, c].tolist()]
        rest = [s - n for s, n in zip(shift[:, c].tolist(), whole)]
        start = [i + n for i, n in zip((t, h * stride, w * stride), whole)]
        small = [i - (r == 0) for i, r in zip(start, rest)]
        for axis in range(3):
            for corner in itertools.product((0, 1), repeat=3):
                place = tuple(s + 1 if k else m for s, m, k in zip(start, small, corner))
                sides = [r if k else 1 - r for r, k in zip(rest, corner)]
                sides[axis] = 1 if corner[axis] else -1
                result[axis, c] += float(grad[b, t, c, h, w]) * math.prod(sides) * value(x, b, c, place)
    return torch.nn.functional.normalize(result, dim=0)


def gradient(x: Tensor, shift: Tensor, stride: int, form: ShiftGradient, grad: Tensor) -> Tensor:
    shift = shift.clone().requires_grad_()
    (result,) = torch.autograd.grad(rubiks_shift(x, shift, stride, form), shift, grad)
    return result


@pytest.fixture
def x() -> Tensor:
    return torch.randn(SHAPE, dtype=torch.float64)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_is_trilinear_interpolation(x: Tensor, stride: int) -> None:
    expected = oracle(x, SHIFTS, stride)
    torch.testing.assert_close(rubiks_shift(x, SHIFTS, stride), expected, rtol=0, atol=1e-13)
    still = torch.cat((torch.zeros(1, 7), SHIFTS[1:]))
    torch.testing.assert_close(rubiks_shift(x, SHIFTS[1:], stride), oracle(x, still, stride), rtol=0, atol=1e-13)


def test_a_whole_shift_moves_and_brings_in_zeros(x: Tensor) -> None:
    shift = torch.zeros(3, 7, dtype=torch.float64)
    shift[:, 0] = torch.tensor([1, -1, 2])
    y = rubiks_shift(x, shift)
    assert torch.equal(y[:, :, 1:], x[:, :, 1:])
    assert torch.equal(y[:, :2, 0, 1:, :2], x[:, 1:, 0, :-1, 2:])
    assert y[:, :, 0].count_nonzero() == y[:, :2, 0, 1:, :2].numel()


@pytest.mark.parametrize(("rows", "stride"), [(3, 1), (3, 2), (2, 1), (2, 3)])
def test_exact_gradients(rows: int, stride: int) -> None:
    x = torch.randn(2, 2, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    shift = torch.tensor(
        [[0.3, -0.7, 1.2, 2.5], [-0.2, 1.6, 0.5, -3.1], [0.8, -1.3, 0.4, 0.1]], dtype=torch.float64, requires_grad=True
    )
    part = shift[3 - rows :].detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, s: rubiks_shift(x, s, stride, "exact"), (x, part))


@pytest.mark.parametrize("form", ["published", "exact"])
@pytest.mark.parametrize("stride", [1, 2])
def test_gradient_of_the_input_is_exact(x: Tensor, stride: int, form: ShiftGradient) -> None:
    assert torch.autograd.gradcheck(lambda x: rubiks_shift(x, SHIFTS, stride, form), x[:1].requires_grad_())


@pytest.mark.parametrize("stride", [1, 2])
def test_published_gradient(x: Tensor, stride: int) -> None:
    grad = torch.randn_like(rubiks_shift(x, SHIFTS, stride))
    expected = published_gradient(x, SHIFTS, stride, grad)
    result = gradient(x, SHIFTS, stride, "published", grad)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)
    norms = result.norm(dim=0)
    # the last channels lie outside of the input as a whole
    torch.testing.assert_close(norms, (norms > 0).double(), rtol=0, atol=1e-12)
    assert norms.tolist()[:5] == pytest.approx([1] * 5)
    assert norms.tolist()[5:] == [0, 0]


def test_published_gradient_is_the_direction_of_the_exact_one(x: Tensor) -> None:
    shift = torch.rand(3, 7, dtype=torch.float64) * 0.9 + 0.05
    for part in (shift, shift[1:]):
        grad = torch.randn_like(x)
        exact = gradient(x, part, 1, "exact", grad)
        expected = torch.nn.functional.normalize(exact, dim=0)
        torch.testing.assert_close(gradient(x, part, 1, "published", 3 * grad), expected, rtol=0, atol=1e-12)


def test_forms_at_whole_numbers() -> None:
    x = torch.tensor([1.0, 4.0, 16.0, 64.0]).view(1, 1, 1, 1, 4)
    grad = torch.tensor([0.0, 1.0, 0.0, 0.0]).view(1, 1, 1, 1, 4)
    still = torch.zeros(2, 1)
    assert gradient(x, still, 1, "exact", grad).tolist() == [[-4], [12]]
    # two rows: half of 0 - 0, and half of 16 - 1
    assert gradient(x, still, 1, "published", grad).tolist() == [[0], [1]]
    slanted = torch.tensor([[0.5], [0.0]])
    # at h + 1/2 the row below is outside: along h -4, along w (16 - 1) / 4
    expected = torch.tensor([[-4.0], [15 / 4]])
    result = gradient(x, slanted, 1, "published", grad)
    torch.testing.assert_close(result, expected / expected.norm())
    # three rows: not halved, and along h at w - 1
    expected = torch.tensor([[0.0], [-1.0], [15 / 2]])
    result = gradient(x.expand(1, 3, 1, 1, 4), torch.cat((torch.zeros(1, 1), slanted)), 1, "published", middle(grad))
    torch.testing.assert_close(result, expected / expected.norm())


def middle(grad: Tensor) -> Tensor:
    """Put the gradient of one frame between two frames without."""
    return torch.nn.functional.pad(grad, (0, 0, 0, 0, 0, 0, 1, 1))


def test_precision_of_the_input_is_kept() -> None:
    layer = RubiksShift(6)
    x = torch.randn(2, 3, 6, 5, 5)
    y = layer(x.bfloat16())
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), layer(x), rtol=0.05, atol=0.05)
    y.float().square().sum().backward()
    assert layer.shift.grad is not None
    assert layer.shift.grad.norm(dim=0).tolist() == pytest.approx([1] * 6, abs=1e-5)


def test_module() -> None:
    torch.manual_seed(1)
    layer = RubiksShift(500, stride=2)
    assert layer.shift.shape == (3, 500)
    assert layer.shift.abs().max() <= 1
    assert layer.shift.std().item() == pytest.approx(1 / math.sqrt(3), rel=0.1)
    assert repr(layer) == "RubiksShift(500, rows=3, stride=2, gradient='published')"
    assert RubiksShift(4, temporal=False).shift.shape == (2, 4)
    single = torch.randn(1, 1, 500, 1, 3)
    assert layer(single).shape == (1, 1, 500, 1, 2)


# torch's compiler makes an instance of every autograd function, which torch deprecates
@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
def test_export_and_compile() -> None:
    layer = torch.nn.Sequential(AttentionShift(4), RubiksShift(4, stride=2)).double()
    x = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64)
    dims: Any = ({0: torch.export.Dim("B", min=1), 1: torch.export.Dim("T", min=1)},)
    exported = torch.export.export(layer, (x,), dynamic_shapes=dims, strict=False).module()
    for shape in ((1, 1), (3, 2), (1, 5)):
        clips = torch.randn(*shape, 4, 5, 6, dtype=torch.float64)
        torch.testing.assert_close(exported(clips), layer(clips), rtol=0, atol=1e-12)
    expected = torch.autograd.grad(layer(x).square().sum(), list(layer.parameters()))
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    result = torch.autograd.grad(compiled(x).square().sum(), list(layer.parameters()))
    for ours, theirs in zip(result, expected):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("frames", [1, 4])
def test_attention_shift(frames: int) -> None:
    layer = AttentionShift(3).double()
    layer.temperature.fill_(0.7)
    x = torch.randn(2, frames, 3, 2, 2, dtype=torch.float64)
    expected = torch.zeros_like(x)
    for c, w in enumerate(layer.weight.tolist()):
        spread = math.sqrt(sum((v - sum(w) / 3) ** 2 for v in w) / 2) + 1e-6
        powers = [math.exp(v / spread / 0.7) for v in w]
        for t, k in itertools.product(range(frames), range(3)):
            if 0 <= t + k - 1 < frames:
                expected[:, t, c] += powers[k] / sum(powers) * x[:, t + k - 1, c]
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
    assert torch.autograd.gradcheck(layer, x.requires_grad_())


def test_errors() -> None:
    x = torch.zeros(1, 2, 3, 4, 4)
    with pytest.raises(ValueError, match=r"needs floating-point \[B, T, C, H, W\], got torch.float32 \(2, 3, 4, 4\)"):
        rubiks_shift(x[0], torch.zeros(3, 3))
    with pytest.raises(ValueError, match=r"a shift of shape \(3, 4\) does not fit 3 channels"):
        rubiks_shift(x, torch.zeros(3, 4))
    with pytest.raises(ValueError, match="stride=0"):
        rubiks_shift(x, torch.zeros(3, 3), 0)
    with pytest.raises(ValueError, match="gradient='rounded' is not one of published, exact"):
        RubiksShift(3, gradient="rounded")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="channels=0"):
        RubiksShift(0)
    with pytest.raises(ValueError, match="channels=0"):
        AttentionShift(0)
    with pytest.raises(ValueError, match=r"AttentionShift needs \[B, T, 3, H, W\], got \(1, 2, 4\)"):
        AttentionShift(3)(torch.zeros(1, 2, 4))
