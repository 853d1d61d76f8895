"""The number of frames belongs to a call, not to the layers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from recircle.arc import ArcLayer
from recircle.surgery import FrameModel, convert
from tests.arc.variants import randomise


class Net(nn.Module):
    """Two convolutions, and a place where other threads can be waited for, or the second one checkpointed."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.a, self.b = nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.fc = nn.Linear(8, 5)
        self.wait: Any = lambda: None
        self.checkpointed = False

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.a(torch.relu(self.stem(x))))
        self.wait()
        x = checkpoint(self.b, x, use_reentrant=False) if self.checkpointed else self.b(x)  # pyright: ignore
        return self.fc(torch.relu(x).mean((2, 3)))


def make() -> tuple[FrameModel, Net]:
    net = Net()
    model = FrameModel(convert(net, where=["a", "b"]))
    randomise(model)
    return model.eval(), net


def clip(frames: int) -> Tensor:
    return torch.randn(2, frames, 3, 12, 12, generator=torch.Generator().manual_seed(frames))


def test_threads_run_one_network_on_clips_of_different_lengths() -> None:
    model, net = make()
    lengths = (3, 4)
    with torch.no_grad():
        expected = [model(clip(t)) for t in lengths]
    net.wait = threading.Barrier(2, timeout=60).wait  # both are in the middle at the same time

    def run(frames: int) -> Tensor:
        with torch.no_grad():
            return model(clip(frames))

    with ThreadPoolExecutor(2) as pool:
        for y, right in zip(pool.map(run, lengths), expected):
            torch.testing.assert_close(y, right, rtol=0, atol=0)


def test_nothing_is_left_in_the_layers() -> None:
    model, net = make()
    layers = [m for m in model.modules() if isinstance(m, ArcLayer)]
    x = clip(3).flatten(0, 1)
    before = net(x)
    model(clip(3))
    assert len(layers) == 2
    assert all(layer.frames is None for layer in layers)
    assert torch.equal(net(x), before)
    with pytest.raises(RuntimeError):
        model(torch.zeros(2, 3, 4, 12, 12))
    assert torch.equal(net(x), before)


def test_checkpointed_parts_know_it_in_the_backward_pass() -> None:
    model, net = make()

    def grads() -> list[Tensor]:
        model.zero_grad()
        # two lengths in one backward pass
        loss = sum(model(clip(t)).square().sum() for t in (3, 4))
        assert isinstance(loss, Tensor)
        loss.backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    expected = grads()
    net.checkpointed = True
    torch.testing.assert_close(grads(), expected)
    bare = clip(3).flatten(0, 1)
    plain = net(bare)
    model(clip(4)).sum().backward()
    assert torch.equal(net(bare), plain)


@pytest.mark.slow
def test_compiled_parts_know_it() -> None:
    model, net = make()
    with torch.no_grad():
        expected = {t: model(clip(t)) for t in (2, 3)}
        net.b.compile(backend="eager")
        for t, right in expected.items():
            torch.testing.assert_close(model(clip(t)), right)
        whole: Any = FrameModel(torch.compile(make()[1], backend="eager"))  # pyright: ignore
        for t, right in expected.items():
            torch.testing.assert_close(whole(clip(t)), right)
    assert all(m.frames is None for m in model.modules() if isinstance(m, ArcLayer))
