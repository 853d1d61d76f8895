import copy
import pickle
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recircle.arc import ArcConfig, ArcConv1d, ArcConv2d, ArcConv3d, ArcLinear, GruWeights, arc_conv, arc_linear
from tests.arc.paths import by_the_equations, general_form
from tests.arc.variants import VARIANTS, randomise

PLAIN = [name for name, c in VARIANTS.items() if c.attention_module == "fc" and not c.signed_input]
each_variant = pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)


def make_layer(config: ArcConfig, stride: int = 1, norm: bool = True, **options: Any) -> ArcConv2d:
    layer = ArcConv2d(
        6, 8, 3, stride, 1, config=config, norm=nn.BatchNorm2d(8) if norm else None, act=nn.ReLU(), **options
    )
    randomise(layer)
    return layer


def clip(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=dtype)


@pytest.mark.parametrize("size", [(6, 6), (7, 5), (8, 6)])
@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (2, 1), (3, 0)])
@pytest.mark.parametrize("name", PLAIN)
def test_agrees_with_the_equations(name: str, stride: int, padding: int, size: tuple[int, int]) -> None:
    config = replace(VARIANTS[name], feedback="operator")
    layer = ArcConv2d(6, 8, 3, stride, padding, config=config).double()
    randomise(layer)
    x = clip(2, 3, 6, *size, dtype=torch.float64)
    expected = by_the_equations(layer, x)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
    with general_form():
        torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)


def test_gru_agrees_with_torch() -> None:
    config = ArcConfig(aggregation="S", attention_module="gru", feedback="operator", fusion=False, negative_slope=0.5)
    layer = ArcConv2d(6, 8, 1, config=config)
    randomise(layer)
    weights = layer.matrices.attention
    assert isinstance(weights, GruWeights)
    cell = nn.GRUCell(2, 6)
    cell.load_state_dict(dict(zip(["weight_ih", "weight_hh", "bias_ih", "bias_hh"], weights)))
    x = clip(2, 3, 6, 4, 4)
    hidden, state, features = None, x, []
    for j in range(4):
        y = F.conv2d(state.flatten(0, 1), layer.weight[2 * j : 2 * j + 2], layer.bias[2 * j : 2 * j + 2])  # pyright: ignore
        features.append(y)
        hidden = cell(y.amax((2, 3)), hidden)
        state = x + hidden.unflatten(0, (2, 3))[..., None, None]
        state = F.leaky_relu(F.leaky_relu(state, 0.5), 0.5)
    torch.testing.assert_close(layer(x), torch.cat(features, 1).unflatten(0, (2, 3)))


@pytest.mark.parametrize("make", [ArcConv1d, ArcConv2d, ArcConv3d], ids=["1d", "2d", "3d"])
@pytest.mark.parametrize("config", [ArcConfig(steps=1), ArcConfig(attention=False, fusion=False)], ids=["n=1", "off"])
@pytest.mark.parametrize("training", [True, False])
def test_one_step_or_nothing_fed_back_is_the_original_bit_for_bit(make: Any, config: ArcConfig, training: bool) -> None:
    dims = {ArcConv1d: 1, ArcConv2d: 2, ArcConv3d: 3}[make]
    conv = [nn.Conv1d, nn.Conv2d, nn.Conv3d][dims - 1](6, 8, 3, 2, 1)
    norm = [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d][dims - 1](8)
    original = nn.Sequential(conv, norm, nn.ReLU()).train(training)
    layer = make.from_layers(copy.deepcopy(conv), copy.deepcopy(norm), nn.ReLU(), config).train(training)
    x = clip(*[3, 6, 7, 5, 6][: dims + 2])
    assert torch.equal(layer(x), original(x))
    if training:
        assert torch.equal(layer.norm.running_var, norm.running_var)


@each_variant
def test_fresh_layer_is_the_original_on_nonnegative_input(config: ArcConfig) -> None:
    if config.interaction == "multiplicative" and not config.signed_input:
        pytest.skip("state * sigmoid(0) halves the state")
    conv, norm = nn.Conv2d(6, 8, 3, 2, 1), nn.BatchNorm2d(8)
    randomise(norm)
    layer = ArcConv2d.from_layers(conv, norm, nn.ReLU(), config).eval()
    x = clip(4, 6, 7, 5)
    x = x if config.signed_input else x.abs()
    torch.testing.assert_close(layer(x), F.relu(norm.eval()(conv(x))))


@each_variant
@pytest.mark.parametrize("stride", [1, 2])
def test_permuting_the_clips_permutes_the_output(config: ArcConfig, stride: int) -> None:
    layer = make_layer(config, stride).eval()
    x = clip(3, 4, 6, 7, 5)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(layer(x[order]), layer(x)[order], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fast", [True, pytest.param(False, marks=pytest.mark.slow)])
@each_variant
def test_gradients_in_float64(config: ArcConfig, fast: bool) -> None:
    layer = ArcConv2d(3, 8, 3, 2, 1, config=config, norm=nn.BatchNorm2d(8), act=nn.Softplus()).double()
    randomise(layer)
    x = clip(1, 2, 3, 3, 4, dtype=torch.float64).requires_grad_()
    names = [name for name, _ in layer.named_parameters()]

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(names, values)), (x,))

    layer.eval()
    assert torch.autograd.gradcheck(run, (x, *layer.parameters()), eps=1e-6, atol=1e-6, fast_mode=fast)


@each_variant
def test_every_parameter_learns(config: ArcConfig) -> None:
    layer = make_layer(config)
    layer(clip(2, 3, 6, 5, 5)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in layer.parameters())


def test_the_number_of_frames_is_read_from_the_tensor() -> None:
    layer = make_layer(ArcConfig()).eval()
    x = clip(2, 6, 6, 5, 5)
    assert layer(x).shape == (2, 6, 8, 5, 5)
    assert layer(x[:, :1]).shape == (2, 1, 8, 5, 5)
    folded = x.flatten(0, 1)
    torch.testing.assert_close(layer(folded), layer(folded[:, None])[:, 0])
    layer.frames = 6
    torch.testing.assert_close(layer(folded), layer(x).flatten(0, 1))
    assert not torch.allclose(layer(x)[:, 0], layer(x[:, :1])[:, 0])


@pytest.mark.parametrize(("groups", "steps"), [(2, 2), (2, 4), (4, 2), (4, 4), (8, 4), (8, 8), (2, 8)])
def test_grouped_layers_read_only_the_channels_of_their_groups(groups: int, steps: int) -> None:
    config = ArcConfig(steps=steps, feedback="operator", signed_input=True)
    layer = ArcConv2d(8, 16, 3, padding=1, groups=groups, config=config).double()
    randomise(layer)
    dense = ArcConv2d(8, 16, 3, padding=1, config=config).double()
    with torch.no_grad():
        dense.weight.zero_()
        for group in range(groups):
            rows = slice(group * 16 // groups, (group + 1) * 16 // groups)
            columns = slice(group * 8 // groups, (group + 1) * 8 // groups)
            dense.weight[rows, columns] = layer.weight[rows]
        dense.bias.copy_(layer.bias)  # pyright: ignore
        for name in ("embedding", "attention", "fusion"):
            whole, part = getattr(dense, name), getattr(layer, name)
            whole.zero_()[whole.shape[0] - part.shape[0] :] = part
    x = clip(2, 3, 8, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(layer(x), dense(x))


def test_depthwise_layer_multiplies_only_what_it_needs() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    layer = ArcConv2d(16, 16, 3, padding=1, groups=16, config=ArcConfig(fusion=False, attention=True, embedding=True))
    rows = 16 - 4
    assert layer.embedding is not None
    assert layer.embedding.shape == (rows, 16)
    with FlopCounterMode(display=False) as counter:
        layer(clip(1, 2, 16, 6, 6))
    convolution, embedding = 16 * 9 * 36 * 2, rows * 16 * 36 * 2
    pooled = sum(4 * 4 * j for j in (1, 2, 3)) * (2 + 36)
    assert counter.get_total_flops() // 2 == convolution + embedding + pooled


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (ArcConv1d(4, 8, 3, 2, 1), (2, 3, 4, 9)),
        (ArcConv2d(4, 8, (3, 5), (2, 1), (0, 2), dilation=(1, 2)), (2, 3, 4, 9, 11)),
        (ArcConv2d(4, 8, 3, padding="same", bias=False), (2, 3, 4, 6, 7)),
        (ArcConv2d(4, 8, 3, padding=1, padding_mode="circular"), (2, 3, 4, 6, 7)),
        (ArcConv2d(4, 8, 3, padding=1, padding_mode="reflect", groups=2), (2, 3, 4, 6, 7)),
        (ArcConv3d(4, 8, 3, (2, 2, 2), 1), (2, 4, 5, 7, 6)),
        (ArcConv3d(4, 8, (3, 1, 1), padding=(1, 0, 0), groups=4), (2, 4, 5, 3, 3)),
        (ArcLinear(4, 8), (2, 3, 5, 4)),
        (ArcLinear(4, 8), (2, 5, 4)),
    ],
    ids=str,
)
def test_shapes_are_those_of_the_original(layer: nn.Module, shape: tuple[int, ...]) -> None:
    x = clip(*shape).abs()
    bases = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
    original = next(base for base in bases if isinstance(layer, base))
    folds = isinstance(layer, (nn.Conv1d, nn.Conv2d))
    expected = original.forward(layer, x.flatten(0, 1) if folds else x)  # pyright: ignore
    y = layer(x)
    torch.testing.assert_close(y.flatten(0, 1) if folds else y, expected)
    randomise(layer)
    assert layer(x).shape == y.shape
    assert not torch.allclose(layer(x), original.forward(layer, x.flatten(0, 1) if folds else x).reshape(y.shape))  # pyright: ignore


def test_tokens_of_one_frame_do_not_see_other_samples() -> None:
    layer = ArcLinear(4, 8, act=nn.GELU())
    randomise(layer)
    x = clip(3, 2, 5, 4)
    torch.testing.assert_close(layer(x)[1:], layer(x[1:]))
    layer.frames = 2
    torch.testing.assert_close(layer(x.reshape(6, 5, 1, 4)), ArcLinear.forward(layer, x.flatten(0, 1)).unsqueeze(2))


def test_functions_and_modules_agree() -> None:
    layer = make_layer(ArcConfig(feedback="operator"), norm=False)
    layer.act = None
    x = clip(2, 3, 6, 5, 5)
    y = arc_conv(x, layer.weight, layer.bias, layer.matrices, layer.config, padding=1)
    assert torch.equal(layer(x), y)
    tokens = ArcLinear(6, 8)
    randomise(tokens)
    x = clip(2, 3, 7, 6)
    assert torch.equal(tokens(x), arc_linear(x, tokens.weight, tokens.bias, tokens.matrices, tokens.config))


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(8), nn.GroupNorm(4, 8), nn.BatchNorm2d(8, momentum=None)])
def test_norm_in_slices_is_the_norm(norm: nn.Module) -> None:
    conv = nn.Conv2d(6, 8, 3, padding=1)
    original = nn.Sequential(copy.deepcopy(conv), copy.deepcopy(norm), nn.ReLU())
    layer = ArcConv2d.from_layers(conv, norm, nn.ReLU())
    for seed in range(3):
        x = torch.randn(4, 6, 5, 5, generator=torch.Generator().manual_seed(seed)).abs()
        torch.testing.assert_close(layer(x), original(x))
    state = {k: v for k, v in layer.state_dict().items() if k.startswith("norm.")}
    expected = {f"norm.{k}": v for k, v in original[1].state_dict().items()}
    torch.testing.assert_close(state, expected)


def test_operator_feedback_applies_the_norm_after_the_recursion() -> None:
    layer = make_layer(ArcConfig(feedback="operator")).eval()
    bare = make_layer(ArcConfig(feedback="operator")).eval()
    bare.norm = bare.act = None
    x = clip(2, 3, 6, 5, 5)
    assert layer.norm is not None
    y = layer.norm.normalise(bare(x).flatten(0, 1), 0, 8).relu()
    torch.testing.assert_close(layer(x).flatten(0, 1), y)


def test_copies_and_pickles() -> None:
    layer = make_layer(ArcConfig()).eval()
    x = clip(2, 3, 6, 5, 5)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x), layer(x))
        with torch.no_grad():
            other.weight.zero_()
        assert layer.weight.abs().sum() > 0


def test_bf16_autocast_stays_close() -> None:
    layer = make_layer(ArcConfig()).eval()
    x = clip(2, 3, 6, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    assert (y.float() - layer(x)).abs().max() < 0.05 * layer(x).abs().max()


def test_channels_last_gives_the_same_and_stays() -> None:
    layer = make_layer(ArcConfig()).eval()
    x = clip(6, 6, 8, 8)
    y = layer(x.contiguous(memory_format=torch.channels_last))
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y, layer(x), rtol=1e-5, atol=1e-5)


def test_attention_can_start_elsewhere_than_zero() -> None:
    layer = ArcConv2d(16, 64, 3, config=ArcConfig(attention_init=0.02))
    assert layer.attention is not None
    assert 0.018 < layer.attention.std() < 0.022


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ArcConv2d(4, 10, 3), r"steps=4 does not divide .* 10 output channels .* 1, 2, 5, 10"),
        (lambda: ArcConv2d(9, 12, 3, groups=3), r"12 output channels in 3 groups .* use one of 1, 3, 6, 12"),
        (lambda: ArcLinear(4, 7), r"7 output channels"),
        (lambda: ArcConv2d(4, 8, 3, norm=nn.LayerNorm(8)), r"LayerNorm cannot be normalised in 4 steps"),
        (lambda: ArcConv2d(4, 8, 3, norm=nn.GroupNorm(2, 8)), r"GroupNorm cannot be normalised in 4 steps"),
        (lambda: ArcConv2d(4, 8, 3, act=nn.Softmax(1)), r"Softmax is not an activation"),
        (lambda: ArcConv2d(4, 8, 3)(torch.zeros(4, 8, 8)), r"shape \(4, 8, 8\)"),
        (lambda: ArcLinear(4, 8)(torch.zeros(3, 4)), r"\[B, N, C\] or \[B, T, N, C\], got .* \(3, 4\)"),
        (lambda: arc_conv(torch.zeros(2, 4, 8, 8), *_weights()), r"takes \[B, T, C, H, W\], got"),
        (lambda: arc_linear(torch.zeros(2, 8, 8), *_weights()), r"takes tokens \[B, T, N, C\], got"),
    ],
)
def test_errors_say_what_would_work(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def _weights() -> tuple[Any, ...]:
    layer = ArcConv2d(4, 8, 3)
    return layer.weight, layer.bias, layer.matrices, layer.config
