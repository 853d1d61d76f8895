import pytest
import torch
from torch import nn

from recircle.training.norms import freeze_norms, train_mode


@pytest.mark.parametrize(("which", "learning"), [("none", [0, 1, 2]), ("all", []), ("all_but_first", [0])])
def test_frozen_norms_keep_statistics_scales_and_shifts(which: str, learning: list[int]) -> None:
    norms = [nn.BatchNorm2d(2) for _ in range(3)]
    model = nn.Sequential(norms[0], nn.Dropout(), norms[1], nn.Conv2d(2, 2, 1), norms[2])
    frozen = freeze_norms(model, which)  # type: ignore[arg-type]
    model.eval()
    train_mode(model, frozen)
    model(torch.randn(4, 2, 3, 3) + 1)
    assert [i for i, norm in enumerate(norms) if norm.running_mean is not None and norm.running_mean.any()] == learning
    assert [i for i, norm in enumerate(norms) if norm.weight.requires_grad and norm.bias.requires_grad] == learning
    assert model[1].training
    assert model[3].weight.requires_grad
