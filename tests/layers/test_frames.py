import subprocess
import sys
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


NARROW = """
import torch
from recircle.layers.frames import Conv2d

conv = Conv2d(8, 16, 1, 2, bias=False).to(memory_format=torch.channels_last)
x = torch.randn(64, 8, 56, 56).to(memory_format=torch.channels_last).requires_grad_()
conv(x).square().sum().backward()
"""


def test_a_narrow_strided_layer_of_one_pixel_can_be_trained_channels_last() -> None:
    # in a process of its own, which some versions of oneDNN end
    assert subprocess.run([sys.executable, "-c", NARROW]).returncode == 0


@pytest.mark.parametrize("size", [7, 8])
def test_which_computes_what_torch_does(size: int) -> None:
    ours, theirs = frames.Conv2d(8, 16, 1, (2, 3)), nn.Conv2d(8, 16, 1, (2, 3))
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 8, size, size, requires_grad=True)
    found, expected = ours(x), theirs(x)
    torch.testing.assert_close(found, expected)
    gradients = (
        torch.autograd.grad(y.square().sum(), (x, layer.weight)) for y, layer in ((found, ours), (expected, theirs))
    )
    torch.testing.assert_close(*gradients)
