"""Layers that look back alone: no frame's output depends on a later frame, and a frame costs one frame."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from recircle import ArcConfig
from recircle.arc import ArcConv1d, ArcConv2d, ArcConv3d, ArcLayer, ArcLinear
from recircle.arc.running import MOST_FRAMES, RunningPool
from recircle.layers.memory import State, Step, remembering
from tests.arc.variants import VARIANTS, randomise

CAUSAL = {
    **{name: c for name, c in VARIANTS.items() if c.causal},
    "published": ArcConfig.published(causal=True),
    "GRU": ArcConfig(causal=True, attention_module="gru"),
    "T": ArcConfig(causal=True, aggregation="T", steps=2),
    "ST mean": ArcConfig(causal=True, aggregation="ST", pooling="mean"),
    "S": ArcConfig(causal=True, aggregation="S"),
    "multiplicative": ArcConfig(causal=True, interaction="multiplicative"),
    "operator": ArcConfig(causal=True, feedback="operator"),
    "without attention": ArcConfig(causal=True, attention=False),
}
each_variant = pytest.mark.parametrize("config", CAUSAL.values(), ids=CAUSAL)
LAST = torch.channels_last


def make(config: ArcConfig, stride: int = 1) -> ArcConv2d:
    layer = ArcConv2d(6, 8, 3, stride, 1, config=config, norm=nn.BatchNorm2d(8), act=nn.ReLU()).eval()
    randomise(layer)
    return layer


def frame_by_frame(layer: ArcLayer, clip: Tensor) -> tuple[Tensor, State]:
    """Run a layer on the frames of a clip [B, T, ...], one after the other."""
    network, state, outputs = nn.Sequential(layer), None, list[Tensor]()
    for frame in clip.unbind(1):
        step = Step(network, state, len(clip))
        with remembering(step):
            outputs.append(layer(frame.unsqueeze(1)))
        state = step.finish()
    assert state is not None
    return torch.cat(outputs, 1), state


@each_variant
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_prefix_of_the_clip_gives_a_prefix_of_the_output(config: ArcConfig, stride: int, channels_last: bool) -> None:
    layer, x = make(config, stride), torch.randn(2, 5, 6, 7, 5)
    if channels_last:
        x = x.flatten(0, 1).contiguous(memory_format=LAST).unflatten(0, (2, 5))
    with torch.no_grad():
        whole = layer(x)
        for frames in range(1, 5):
            torch.testing.assert_close(layer(x[:, :frames]), whole[:, :frames], rtol=1e-5, atol=1e-5)
        one_by_one, _ = frame_by_frame(layer, x)
        torch.testing.assert_close(one_by_one, whole, rtol=1e-5, atol=1e-5)
    # and where gradients are wanted
    torch.testing.assert_close(frame_by_frame(layer, x)[0], whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_running_pools_are_those_of_all_frames_so_far_bit_for_bit_frame_by_frame(pooling: str) -> None:
    config = ArcConfig(causal=True, aggregation="T", pooling=pooling, steps=2)  # pyright: ignore
    x = torch.randn(2, 6, 3, 4, dtype=torch.float64)
    whole = RunningPool().over(x, 1, config.pooling)
    for frames in range(1, 7):
        seen = x[:, :frames]
        expected = seen.amax(1) if pooling == "max" else seen.mean(1)
        torch.testing.assert_close(whole[:, frames - 1], expected, rtol=0, atol=1e-14)
    network, state = nn.Sequential(nn.Linear(1, 1)), None
    for frame in range(6):
        step = Step(network, state, 2)
        one = RunningPool(step.memory(network[0])).over(x[:, frame : frame + 1], 1, config.pooling)
        assert torch.equal(one, whole[:, frame : frame + 1])
        state = step.finish()


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_the_running_pools_of_exported_files_are_the_same(pooling: str) -> None:
    class Pool(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return RunningPool().over(x, 1, pooling)  # pyright: ignore[reportArgumentType]

    time = torch.export.Dim("T", min=1, max=MOST_FRAMES)
    example = torch.randn(2, 5, 3)
    program = torch.export.export(Pool(), (example,), dynamic_shapes=({1: time},), strict=False).module()
    for frames in (1, 2, 5, 17, 64, 300):
        x = torch.randn(2, frames, 3)
        torch.testing.assert_close(program(x), Pool()(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (ArcConv1d(6, 8, 3, 2, 1, config=ArcConfig(causal=True)), (2, 4, 6, 9)),
        (ArcLinear(6, 8, config=ArcConfig(causal=True)), (2, 4, 5, 6)),
        (ArcConv2d(8, 8, 3, groups=8, config=ArcConfig(causal=True)), (2, 4, 8, 5, 5)),
    ],
    ids=["1d", "linear", "grouped"],
)
def test_other_layers_too(layer: ArcLayer, shape: tuple[int, ...]) -> None:
    randomise(layer)
    x = torch.randn(shape)
    torch.testing.assert_close(frame_by_frame(layer, x)[0], layer(x), rtol=1e-5, atol=1e-5)


def test_with_one_frame_it_is_the_ordinary_layer() -> None:
    config = ArcConfig()
    causal, ordinary = make(replace(config, causal=True)), make(config)
    x = torch.randn(2, 1, 6, 7, 5)
    with torch.no_grad():
        assert torch.equal(causal(x), ordinary(x))
        assert not torch.equal(causal(x.expand(-1, 3, -1, -1, -1) * torch.rand(2, 3, 1, 1, 1)), ordinary(x))


def test_fewer_steps_remember_less() -> None:
    layer, x = make(ArcConfig(causal=True)), torch.randn(1, 3, 6, 5, 5)
    assert len(frame_by_frame(layer, x)[1]) == 4
    layer.set_steps(2)
    outputs, state = frame_by_frame(layer, x)
    assert len(state) == 2
    torch.testing.assert_close(outputs, layer(x), rtol=1e-5, atol=1e-5)


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="a running maximum and a running mean: use pooling='max' or 'mean'"):
        ArcConfig(causal=True, pooling="soft")
    with pytest.raises(ValueError, match="a 3-D convolution takes frames after each other together"):
        ArcConv3d(4, 8, 3, config=ArcConfig(causal=True))
    # nothing is pooled over time
    ArcConv3d(4, 8, 3, config=ArcConfig(causal=True, aggregation="S"))
    assert ArcConfig.temporal(causal=True).preset_name == "temporal"
    assert "causal" in repr(make(ArcConfig(causal=True)))
    assert "causal" not in repr(make(ArcConfig(causal=True, aggregation="S")))
