import pytest
import torch

from recircle.layers import TemporalShift, temporal_shift


def test_an_eighth_moves_each_way_and_zeros_come_in() -> None:
    x = torch.randn(2, 4, 16, 3, 3)
    y = temporal_shift(x)
    assert torch.equal(y[:, :-1, :2], x[:, 1:, :2])
    assert torch.equal(y[:, 1:, 2:4], x[:, :-1, 2:4])
    assert torch.equal(y[:, :, 4:], x[:, :, 4:])
    assert not y[:, -1, :2].any()
    assert not y[:, 0, 2:4].any()
    assert torch.equal(TemporalShift(8)(x), y)


def test_a_single_frame_loses_the_moved_channels() -> None:
    y = temporal_shift(torch.ones(1, 1, 8, 2, 2))
    assert y.sum() == 6 * 4


def test_gradients() -> None:
    x = torch.randn(1, 3, 8, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: temporal_shift(x, 4), x)
    assert torch.autograd.gradgradcheck(lambda x: temporal_shift(x, 4), x)


@pytest.mark.parametrize("shape", [(1, 1, 16, 2, 2), (2, 2, 9, 1, 3), (3, 5, 8, 2), (1, 4, 7, 2, 2), (2, 3, 24)])
def test_compiled_it_is_the_same(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    torch._dynamo.reset()
    compiled = torch.compile(TemporalShift(divisor=4), fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), TemporalShift(divisor=4)(x))


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"needs \[B, T, C, ...\], got"):
        temporal_shift(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="divisor=1"):
        temporal_shift(torch.zeros(1, 2, 8), divisor=1)
