import pytest
import torch
from torch import nn

from recircle.layers import TemporalShift, temporal_shift
from recircle.layers.memory import Step, remembering


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


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 16, 2, 2), (2, 2, 9, 1, 3), (3, 5, 8, 2), (1, 4, 7, 2, 2), (2, 3, 24)])
def test_compiled_it_is_the_same(shape: tuple[int, ...], causal: bool) -> None:
    x = torch.randn(shape)
    torch._dynamo.reset()
    shift = TemporalShift(divisor=4, causal=causal)
    compiled = torch.compile(shift, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), shift(x))


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"needs \[B, T, C, ...\], got"):
        temporal_shift(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="divisor=1"):
        temporal_shift(torch.zeros(1, 2, 8), divisor=1)


def test_causal_it_takes_nothing_from_later_frames() -> None:
    x = torch.randn(2, 4, 16, 3, 3)
    y = temporal_shift(x, causal=True)
    assert torch.equal(y[:, :, :2], x[:, :, :2])
    assert torch.equal(y[:, :, 2:], temporal_shift(x)[:, :, 2:])
    assert torch.equal(TemporalShift(causal=True)(x), y)
    for frames in range(1, 4):
        assert torch.equal(temporal_shift(x[:, :frames], causal=True), y[:, :frames])


def test_frame_by_frame_it_is_the_same_bit_for_bit() -> None:
    x = torch.randn(2, 5, 16, 3, 3)
    shift = TemporalShift(causal=True)
    whole = nn.Sequential(shift, nn.Linear(3, 1))
    state = None
    for frame in range(5):
        step = Step(whole, state, batch=2)
        with remembering(step):
            y = shift(x[:, frame : frame + 1])
        assert torch.equal(y, shift(x)[:, frame : frame + 1])
        state = step.finish()
    assert state is not None
    assert {name: tuple(value.shape) for name, value in state.items()} == {"frames": (2,), "0.frame": (2, 2, 3, 3)}
    assert state["frames"].tolist() == [5, 5]


def test_gradients_of_the_causal_shift() -> None:
    x = torch.randn(1, 3, 8, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: temporal_shift(x, 4, causal=True), x)
    assert torch.autograd.gradgradcheck(lambda x: temporal_shift(x, 4, causal=True), x)
