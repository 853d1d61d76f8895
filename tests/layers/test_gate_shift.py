import pytest
import torch
from torch import Tensor, nn

from recircle.layers.gate_shift import GateShift, gate_shift


def by_loops(x: Tensor, gate: Tensor, shuffle: bool = True) -> Tensor:
    batch, frames, channels, height, width = x.shape
    half, quarter = channels // 2, channels // 4
    y = torch.zeros_like(x)
    for b in range(batch):
        for t in range(frames):
            for c in range(channels):
                part, inside = divmod(c, half)
                source = t + 1 if part == 0 else t - 1
                moved = torch.zeros(height, width, dtype=x.dtype)
                if 0 <= source < frames:
                    moved = gate[b, source, part] * x[b, source, c]
                j, k = divmod(inside, quarter)
                place = part * half + 2 * k + j if shuffle else c
                y[b, t, place] = moved + (1 - gate[b, t, part]) * x[b, t, c]
    return y


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("shape", [(2, 4, 8, 3, 2), (1, 1, 4, 2, 2), (1, 2, 12, 1, 3)])
def test_is_the_formula(shape: tuple[int, ...], shuffle: bool) -> None:
    x = torch.randn(shape, dtype=torch.float64)
    gate = torch.randn(*shape[:2], 2, *shape[3:], dtype=torch.float64).tanh()
    torch.testing.assert_close(gate_shift(x, gate, shuffle), by_loops(x, gate, shuffle))


def test_closed_gates_only_shuffle() -> None:
    x = torch.randn(2, 3, 8, 2, 2)
    gate = torch.zeros(2, 3, 2, 2, 2)
    assert torch.equal(gate_shift(x, gate), x[:, :, [0, 2, 1, 3, 4, 6, 5, 7]])
    assert torch.equal(gate_shift(x, gate, shuffle=False), x)


def test_open_gates_move_everything() -> None:
    x = torch.randn(1, 3, 4, 2, 2)
    y = gate_shift(x, torch.ones(1, 3, 2, 2, 2))
    assert torch.equal(y[:, :-1, :2], x[:, 1:, :2])
    assert torch.equal(y[:, 1:, 2:], x[:, :-1, 2:])
    assert not y[:, -1, :2].any()
    assert not y[:, 0, 2:].any()


def test_module_starts_with_closed_gates() -> None:
    layer = GateShift(8).train()
    x = torch.randn(2, 3, 8, 4, 4)
    assert torch.equal(layer(x), x[:, :, [0, 2, 1, 3, 4, 6, 5, 7]])
    assert torch.equal(GateShift(8, shuffle=False)(x), x)


@pytest.mark.parametrize("training", [True, False])
def test_gates_are_those_of_3d_layers(training: bool) -> None:
    layer = GateShift(8).double().train(training)
    norm, conv = nn.BatchNorm3d(8).double().train(training), nn.Conv3d(8, 2, 3, padding=1, groups=2).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    norm.load_state_dict(layer.norm.state_dict())
    conv.load_state_dict(layer.conv.state_dict())
    x = torch.randn(2, 3, 8, 4, 5, dtype=torch.float64)
    gate = conv(norm(x.transpose(1, 2)).relu()).tanh().transpose(1, 2)
    torch.testing.assert_close(layer(x), by_loops(x, gate))
    torch.testing.assert_close(layer.norm.running_var, norm.running_var)


@pytest.mark.parametrize("frames", [1, 3])
def test_gradients(frames: int) -> None:
    layer = GateShift(4).double()
    parameters = [nn.init.normal_(parameter) for parameter in layer.parameters()]
    x = torch.randn(2, frames, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(names, values)), x)

    assert torch.autograd.gradcheck(run, (x, *parameters))


def test_captured_for_any_number_of_frames() -> None:
    layer = GateShift(4).double().eval()
    nn.init.normal_(layer.conv.weight)
    batch, time = torch.export.Dim("B", min=1), torch.export.Dim("T", min=1)
    example = torch.randn(2, 3, 4, 5, 5, dtype=torch.float64)
    program = torch.export.export(layer, (example,), dynamic_shapes={"x": {0: batch, 1: time}}, strict=False)
    for shape in ((1, 1), (3, 2), (1, 7)):
        x = torch.randn(*shape, 4, 5, 5, dtype=torch.float64)
        torch.testing.assert_close(program.module()(x), layer(x))


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"needs \[B, T, C, H, W\] with C a multiple of 4, got a tensor of \(1, 2, 6"):
        gate_shift(torch.zeros(1, 2, 6, 3, 3), torch.zeros(1, 2, 2, 3, 3))
    with pytest.raises(ValueError, match=r"needs \[B, T, C, H, W\]"):
        gate_shift(torch.zeros(2, 8, 3, 3), torch.zeros(2, 2, 3, 3))
    with pytest.raises(ValueError, match=r"gates of shape \(1, 2, 1, 3, 3\)"):
        gate_shift(torch.zeros(1, 2, 8, 3, 3), torch.zeros(1, 2, 1, 3, 3))
    with pytest.raises(ValueError, match="channels=6"):
        GateShift(6)
