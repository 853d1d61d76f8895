import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim

from recircle.layers import temporal_shift
from recircle.layers.temporal_aggregation import ChannelwiseTemporalConv, MultipleTemporalAggregation
from recircle.surgery.tracing import trace


def along_time(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve the time line of each position of [B, T, C, H, W] by itself."""
    lines = F.conv1d(x.permute(0, 3, 4, 2, 1).flatten(0, 2), weight, padding=1, groups=x.shape[2])
    return lines.unflatten(0, (x.shape[0], *x.shape[3:])).permute(0, 4, 3, 1, 2)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_temporal_convolution_is_that_of_each_time_line(frames: int) -> None:
    conv = ChannelwiseTemporalConv(4).double()
    nn.init.normal_(conv.weight)
    x = torch.randn(2, frames, 4, 3, 2, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(conv(x), along_time(x, conv.weight), rtol=1e-12, atol=1e-12)


def test_temporal_convolutions_start_as_the_identity_or_the_shift() -> None:
    x = torch.randn(2, 3, 6, 2, 2)
    with torch.no_grad():
        assert torch.equal(ChannelwiseTemporalConv(6)(x), x)
        assert torch.equal(ChannelwiseTemporalConv(6, "shift")(x), temporal_shift(x, 2))
        odd = ChannelwiseTemporalConv(5, "shift")(x[:, :, :5])
    assert torch.equal(odd[:, :, 4], x[:, :, 4])
    assert torch.equal(odd[:, :, :4], temporal_shift(x[:, :, :4], 2))


def test_gradient_of_the_temporal_convolution() -> None:
    conv = ChannelwiseTemporalConv(2).double()
    x = torch.randn(2, 3, 2, 2, 1, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 1, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w: torch.func.functional_call(conv, {"weight": w}, (x,)), (x, weight))


def aggregation(first: bool, stride: int) -> MultipleTemporalAggregation:
    torch.manual_seed(0)
    layer = MultipleTemporalAggregation(3, stride, first).double()
    with torch.no_grad():
        for value in [*layer.parameters(), *layer.buffers()]:
            if value.is_floating_point():
                value.normal_().abs_()
    return layer.eval()


def aggregate_by_hand(layer: MultipleTemporalAggregation, x: Tensor, stride: int) -> Tensor:
    state = layer.state_dict()

    def time(index: int, part: Tensor) -> Tensor:
        return along_time(part, state[f"temporal.{index}.weight"])

    out: list[Tensor] = []
    for i in range(3):
        part = x[:, :, 3 * i : 3 * i + 3]
        if i and not layer.first:
            part = part + out[-1]
        y = F.conv2d(time(i, part).flatten(0, 1), state[f"convs.{i}.weight"], stride=stride, padding=1)
        norm = [state[f"bns.{i}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        out.append(F.batch_norm(y, *norm).relu().unflatten(0, x.shape[:2]))
    last = time(3, x[:, :, 9:])
    if layer.first:
        height, width = last.shape[3:]
        padded = F.pad(last, (1, 1, 1, 1))
        windows = [padded[..., dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)]
        last = sum(windows, torch.zeros_like(last))[..., ::stride, ::stride] / 9
    return torch.cat([*out, last], dim=2)


@pytest.mark.parametrize(("first", "stride"), [(False, 1), (True, 1), (True, 2)])
@pytest.mark.parametrize("frames", [1, 4])
def test_aggregation_is_its_definition(first: bool, stride: int, frames: int) -> None:
    layer = aggregation(first, stride)
    x = torch.randn(2, frames, 12, 5, 4, dtype=torch.float64)
    with torch.no_grad():
        expected = aggregate_by_hand(layer, x, stride)
        assert expected.shape == (2, frames, 12, -(-5 // stride), -(-4 // stride))
        torch.testing.assert_close(layer(x), expected, rtol=1e-11, atol=1e-11)


def test_what_a_frame_sees_grows_from_fourth_to_fourth() -> None:
    layer = aggregation(first=False, stride=1)
    x = torch.zeros(1, 9, 12, 1, 1, dtype=torch.float64)
    changed = x.clone()
    changed[:, 4] = 1
    with torch.no_grad():
        seen = (layer(changed) - layer(x)).abs().unflatten(2, (4, 3)).amax((0, 3, 4, 5)) > 0
    assert seen.sum(0).tolist() == [3, 5, 7, 3]


def test_module_learns() -> None:
    layer = aggregation(first=False, stride=1).train()
    layer(torch.randn(2, 3, 12, 4, 4, dtype=torch.float64)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in layer.parameters())


@pytest.mark.parametrize("first", [False, True])
def test_captured_compiled_and_traced(first: bool) -> None:
    layer = aggregation(first, 1)
    x = torch.randn(2, 3, 12, 5, 4, dtype=torch.float64)
    dims = {"x": {0: Dim("B", min=1), 1: Dim("T", min=1)}}
    program = torch.export.export(layer, (x,), dynamic_shapes=dims, strict=False).module()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    assert [prefix for prefix, _ in trace(layer, "")] == [""]
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), layer(x))
        for batch, frames in ((1, 1), (3, 2), (1, 5)):
            y = torch.randn(batch, frames, 12, 5, 4, dtype=torch.float64)
            torch.testing.assert_close(program(y), layer(y))


def test_errors() -> None:
    with pytest.raises(ValueError, match="stride=2"):
        MultipleTemporalAggregation(4, stride=2)
    with pytest.raises(ValueError, match="channels=0"):
        ChannelwiseTemporalConv(0)
    with pytest.raises(ValueError, match="start='zero' is not known; give one of identity, shift"):
        ChannelwiseTemporalConv(4, start="zero")  # pyright: ignore[reportArgumentType]
