from typing import Any

import pytest
import torch
from torch import nn

from recircle.layers import frames


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (frames.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(3, 4, 3, 2, 1)),
        (frames.BatchNorm2d(3), nn.BatchNorm2d(3)),
        (frames.MaxPool2d(3, 2, 1, ceil_mode=True), nn.MaxPool2d(3, 2, 1, ceil_mode=True)),
        (frames.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
        (frames.AvgPool2d(3, 1, divisor_override=5), nn.AvgPool2d(3, 1, divisor_override=5)),
    ],
    ids=["conv", "norm", "pool", "mean", "mean with a divisor"],
)
def test_each_frame_is_an_image(ours: Any, theirs: Any) -> None:
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 5, 3, 7, 6)
    expected = theirs(x.flatten(0, 1))
    y = ours(x)
    assert torch.equal(y.flatten(0, 1), expected)
    assert y.shape[:2] == (2, 5)
    assert torch.equal(ours.eval()(x[0]), theirs.eval()(x[0]))
