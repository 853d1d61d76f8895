import pytest
import torch

from recircle.layers.stochastic_depth import StochasticDepth


def test_whole_sequences_are_left_out_and_the_mean_stays() -> None:
    layer = StochasticDepth(0.25)
    y = layer(torch.ones(40, 50, 3, 2))
    assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert torch.equal(y, y[:, :, :1, :1].expand_as(y))
    assert y.mean().item() == pytest.approx(1, abs=0.05)


def test_evaluation_and_rate_zero_leave_the_branch_alone() -> None:
    x = torch.randn(4, 3, 2)
    assert StochasticDepth(0.9).eval()(x) is x
    assert StochasticDepth(0.0)(x) is x


def test_the_gradient_is_that_of_the_branches_kept() -> None:
    x = torch.randn(6, 3, 2, dtype=torch.float64, requires_grad=True)
    y = StochasticDepth(0.5)(x)
    y.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad * x, y)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_errors(rate: float) -> None:
    with pytest.raises(ValueError, match=rf"rate={rate} is the probability"):
        StochasticDepth(rate)
