"""Learned pooling lies between the mean and the maximum."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from recircle.arc import ArcConfig, ArcConv2d
from recircle.arc.attention import soft_pool
from recircle.arc.clip_dims import FRAMES_2D
from recircle.models.checkpoints import arc_parameters
from tests.arc.variants import randomise

DIMS = [(3, 4), (1,), (1, 3, 4)]


def pooled(x: Tensor, dims: tuple[int, ...], learned: float, like: Tensor | None = None) -> Tensor:
    value = torch.full((x.shape[2],), learned, dtype=x.dtype)
    return soft_pool(x, dims, x if like is None else like, FRAMES_2D, value)


@pytest.mark.parametrize("dims", DIMS, ids=str)
def test_its_ends_are_the_mean_and_the_maximum(dims: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64)
    mean, most = x.mean(dims, keepdim=True), x.amax(dims, keepdim=True)
    torch.testing.assert_close(pooled(x, dims, -60.0), mean)
    torch.testing.assert_close(pooled(x, dims, 1e6), most, rtol=1e-4, atol=1e-4)
    between = [pooled(x, dims, learned) for learned in (-60.0, -2.0, 0.0, 2.0, 1e6)]
    assert all((b >= a - 1e-9).all() for a, b in pairwise(between))


@pytest.mark.parametrize("dims", [(3, 4), (1, 3, 4)], ids=str)
@pytest.mark.parametrize("size", [(7, 5), (3, 4)], ids=str)
def test_positions_count_as_often_as_in_resized_features(dims: tuple[int, ...], size: tuple[int, int]) -> None:
    x, like = torch.randn(2, 3, 4, 5, 3, dtype=torch.float64), torch.zeros(2, 3, 4, *size)
    resized = FRAMES_2D.resize(x, like)
    torch.testing.assert_close(pooled(x, dims, 0.3, like), pooled(resized, dims, 0.3))


def test_large_values_and_half_precision_are_no_nan() -> None:
    x = 300 * torch.randn(1, 2, 4, 5, 5)
    assert pooled(x, (3, 4), 3.0).isfinite().all()
    assert pooled(x.half(), (3, 4), 3.0).dtype == torch.float16


def test_its_parameter_is_arcs_own_and_other_variants_have_none() -> None:
    layer = ArcConv2d(6, 8, 3, config=ArcConfig(pooling="soft"))
    assert layer.pooling is not None
    assert layer.pooling.shape == (6,)
    assert arc_parameters(nn.Sequential(layer)) == {
        f"0.{key}" for key in ("embedding", "attention", "fusion", "pooling")
    }
    assert "pooling" not in ArcConv2d(6, 8, 3).state_dict()
    assert "pooling" not in ArcConv2d(6, 8, 3, config=ArcConfig(pooling="soft", attention=False)).state_dict()


def test_what_is_learned_changes_the_output() -> None:
    layer = ArcConv2d(6, 8, 3, config=ArcConfig(pooling="soft"))
    randomise(layer)
    x = torch.randn(2, 3, 6, 5, 5)
    y = layer(x)
    assert layer.pooling is not None
    with torch.no_grad():
        layer.pooling.add_(2)
    assert not torch.allclose(layer(x), y)
