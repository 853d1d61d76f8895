from itertools import combinations
from math import comb

import pytest
import torch
from torch import Tensor, nn

from recircle.layers.temporal_relation import MultiScaleRelation, TemporalRelation, _take_subsets, fixed_subsets

Subsets = list[list[tuple[int, ...]]]


def one_relation(head: TemporalRelation, x: Tensor) -> Tensor:
    hidden = (x.relu().flatten(-2) @ head.hidden.weight.T + head.hidden.bias).relu()
    return hidden @ head.output.weight.T + head.output.bias


def by_loops(head: MultiScaleRelation, x: Tensor, subsets: Subsets) -> Tensor:
    relations = [relation for relation in head.scales if isinstance(relation, TemporalRelation)]
    logits = one_relation(relations[0], x)
    for relation, of_scale in zip(relations[1:], subsets):
        for subset in of_scale:
            logits = logits + one_relation(relation, torch.stack([x[:, t] for t in subset], 1))
    return logits


def test_single_scale() -> None:
    head = TemporalRelation(6, 4, 5, hidden=7)
    x = torch.randn(3, 4, 6)
    torch.testing.assert_close(head(x), one_relation(head, x))
    assert head.hidden.weight.shape == (7, 24)


@pytest.mark.parametrize("frames", [2, 3, 5])
def test_sums_over_scales_and_subsets(frames: int) -> None:
    head = MultiScaleRelation(6, frames, 5, hidden=7, subsets=2)
    x = torch.randn(3, frames, 6)
    chosen: Subsets = [
        [*combinations(range(frames), scale)][-1:] + [*combinations(range(frames), scale)][:1]
        for scale in range(frames - 1, 1, -1)
    ]
    torch.testing.assert_close(head(x, chosen), by_loops(head, x, chosen))
    fixed = [fixed_subsets(frames, scale, 2) for scale in range(frames - 1, 1, -1)]
    torch.testing.assert_close(head.eval()(x), by_loops(head, x, fixed))


def test_evaluation_uses_fixed_subsets_spread_over_all() -> None:
    assert fixed_subsets(8, 7, 3) == [(0, 1, 2, 3, 4, 5, 7), (0, 1, 2, 4, 5, 6, 7), (0, 2, 3, 4, 5, 6, 7)]
    assert fixed_subsets(8, 2, 3) == [(0, 5), (2, 4), (4, 6)]
    assert fixed_subsets(3, 2, 5) == [(0, 1), (0, 2), (1, 2)]
    head = MultiScaleRelation(4, 8, 5).eval()
    x = torch.randn(2, 8, 4)
    assert torch.equal(head(x), head(x))


def test_training_draws_anew_from_torchs_generator() -> None:
    head = MultiScaleRelation(4, 8, 5).train()
    x = torch.randn(2, 8, 4)
    torch.manual_seed(4)
    first, second = head(x), head(x)
    assert not torch.allclose(first, second)
    torch.manual_seed(4)
    assert torch.equal(head(x), first)


def test_draws_are_distinct_ordered_and_reach_all() -> None:
    x = torch.arange(6.0).reshape(1, 6, 1)
    seen: set[tuple[float, ...]] = set()
    for _ in range(80):
        drawn = [tuple(row) for row in _take_subsets(x, 3, None)[1][0, :, :, 0].tolist()]
        assert len(set(drawn)) == 3
        seen.update(drawn)
    assert seen == {tuple(map(float, subset)) for subset in combinations(range(6), 4)}
    assert [part.shape[1:3] for part in _take_subsets(x, 9, None)] == [(comb(6, 5), 5), (9, 4), (9, 3), (9, 2)]


def test_gradients() -> None:
    head = MultiScaleRelation(2, 3, 2, hidden=32).double().eval()
    x = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(head, x)
    head.train()(x).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in head.parameters())


def test_weights_without_storage_work_once_they_are_given() -> None:
    head = MultiScaleRelation(4, 5, 3).eval()
    with torch.device("meta"):
        other = MultiScaleRelation(4, 5, 3).eval()
    other.load_state_dict(head.state_dict(), assign=True)
    x = torch.randn(2, 5, 4)
    assert torch.equal(other(x), head(x))


@pytest.mark.parametrize("make", [MultiScaleRelation, TemporalRelation])
def test_other_numbers_of_frames_are_refused(make: type[nn.Module]) -> None:
    head = make(4, 5, 3)
    with pytest.raises(ValueError, match=r"features of shape \(2, 6, 4\): this relation is of 5 frames"):
        head(torch.zeros(2, 6, 4))


@pytest.mark.parametrize("frames", [1, 17])
def test_frames_out_of_range(frames: int) -> None:
    with pytest.raises(ValueError, match=f"frames={frames}: relations are of 2 to 16 frames"):
        MultiScaleRelation(4, frames, 3)


def test_other_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="subsets=0"):
        MultiScaleRelation(4, 5, 3, subsets=0)
    with pytest.raises(ValueError, match="frames=0"):
        TemporalRelation(4, 0, 3)


@pytest.mark.parametrize(
    ("subsets", "message"),
    [
        ([[(0, 1)]], "subsets of 1 scales: 4 frames have 2, 3 to 2"),
        ([[(0, 1)], [(0, 1)]], r"subsets \[\(0, 1\)\]: each has 3 increasing"),
        ([[(0, 1, 2)], [(1, 0)]], "each has 2 increasing"),
        ([[(0, 1, 4)], [(0, 1)]], "each has 3 increasing numbers of frames, 0 to 3"),
        ([[], [(0, 1)]], "each has 3 increasing"),
    ],
)
def test_wrong_subsets(subsets: Subsets, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiScaleRelation(4, 4, 3)(torch.zeros(1, 4, 4), subsets)
