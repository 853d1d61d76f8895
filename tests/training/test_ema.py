import torch
from torch import nn

from recircle.training.ema import Ema


def test_average_of_weights_and_buffers_follows_the_closed_form() -> None:
    model = nn.BatchNorm1d(2)
    assert model.running_mean is not None
    assert model.num_batches_tracked is not None
    ema = Ema(model, decay=0.9)
    average = torch.ones(2)
    for step in range(1, 200):
        value = torch.full((2,), float(step))
        model.weight.data.copy_(value)
        model.running_mean.copy_(value)
        model.num_batches_tracked.fill_(step)
        ema.update(model, step)
        decay = min(0.9, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * value
    torch.testing.assert_close(ema.model.weight.data, average)
    start = torch.ones(2)
    assert not torch.equal(ema.model.weight.data, start)
    assert ema.model.num_batches_tracked == 199
    # the mean started at 0, the weight at 1: after 199 steps the start is forgotten
    torch.testing.assert_close(ema.model.running_mean, average)


def test_it_is_a_separate_network_that_does_not_learn() -> None:
    model = nn.Linear(2, 2)
    ema = Ema(model, decay=0.5)
    model.weight.data.zero_()
    assert ema.model.weight.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in ema.model.parameters())
    assert not ema.model.training
    assert model.training


def test_shared_weights_move_once() -> None:
    first, second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    second.weight = first.weight
    model = nn.Sequential(first, second)
    first.weight.data.fill_(0.0)
    ema = Ema(model, decay=0.1)
    first.weight.data.fill_(1.0)
    ema.update(model, 10**6)
    averages = list(ema.model.parameters())
    torch.testing.assert_close(averages, [torch.full((1, 1), 0.9)])
