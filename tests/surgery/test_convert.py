import copy
import pickle
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recircle.arc import ArcConfig, ArcConv2d, ArcLayer
from recircle.errors import UserError
from recircle.surgery import FrameModel, arc_report, convert
from tests.arc.variants import randomise


class Functional(nn.Module):
    """A stem, a convolution with a functional ReLU, one with a functional GELU, and a 1x1 head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv1 = nn.Conv2d(8, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, 2, 1, groups=4)
        self.head = nn.Conv2d(16, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        x = F.relu(self.bn1(self.conv1(x)))
        return self.head(F.gelu(self.conv2(x))).mean((2, 3))


class Untraceable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.part = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.part(x) if x.sum() > -1e9 else x


def stack(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), *layers)


def clips(n: int = 4) -> Tensor:
    return torch.randn(n, 3, 9, 8, generator=torch.Generator().manual_seed(3))


def check_same(net: nn.Module, x: Tensor, **options: Any) -> nn.Module:
    """Convert a copy; its names, values and function must be those of the original. Return the copy."""
    net = net.eval()
    converted = convert(copy.deepcopy(net), **options)
    state = net.state_dict()
    assert set(state) <= set(converted.state_dict())
    for name, value in state.items():
        assert torch.equal(converted.state_dict()[name], value), name
    torch.testing.assert_close(converted(x), net(x), rtol=1e-5, atol=1e-6)
    return converted


def test_patterns_with_functions_are_found_by_tracing() -> None:
    net = Functional()
    randomise(net)
    converted = check_same(net, clips())
    report = arc_report(converted)
    assert [(c.name, c.feedback) for c in report.converted] == [
        ("conv1", "convolution + BatchNorm + ReLU"),
        ("conv2", "convolution"),
    ]
    assert "its activation is a function call" in report.converted[1].note
    assert {entry.name: entry.reason.split(";")[0] for entry in report.left} == {
        "stem": "the stem, which reads the network's input",
        "head": "a 1x1 convolution",
    }
    assert not any(layer.config.signed_input for layer in converted.modules() if isinstance(layer, ArcLayer))
    assert "2 layers converted to ARC with 4 steps" in str(report)


def test_the_trained_network_keeps_its_parameters_in_use() -> None:
    converted = convert(Functional())
    randomise(converted)
    converted(clips()).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in converted.parameters())


def test_a_signed_input_is_recognised_and_the_function_kept() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU(), nn.Conv2d(8, 8, 3), nn.GELU())
    converted = check_same(net, clips())
    assert all(layer.config.signed_input for layer in converted.modules() if isinstance(layer, ArcLayer))


def test_parts_are_traced_where_the_whole_cannot_be() -> None:
    converted = check_same(Untraceable(), clips())
    report = arc_report(converted)
    assert [(c.name, c.feedback) for c in report.converted] == [("part.0", "convolution + BatchNorm + ReLU")]
    assert all(layer.config.signed_input for layer in converted.modules() if isinstance(layer, ArcLayer))


def test_a_shared_relu_stays_and_is_fed_back_all_the_same() -> None:
    act = nn.ReLU(inplace=True)
    net = stack(nn.Conv2d(8, 8, 3), act, nn.Conv2d(8, 8, 3), act)
    converted = check_same(net, clips())
    assert [c.feedback for c in arc_report(converted).converted] == ["convolution + ReLU"] * 2
    shared = nn.Tanh()
    converted = check_same(stack(nn.Conv2d(8, 8, 3), shared, nn.Conv2d(8, 8, 3), shared), clips())
    assert "serves several layers" in arc_report(converted).converted[0].note


def test_a_norm_that_sees_other_inputs_too_is_left_alone() -> None:
    norm = nn.BatchNorm2d(8)
    converted = check_same(stack(nn.Conv2d(8, 8, 3), norm, nn.Conv2d(8, 8, 3), norm), clips())
    assert [c.feedback for c in arc_report(converted).converted] == ["convolution"] * 2


def test_a_layer_called_twice_feeds_back_its_bare_output() -> None:
    conv = nn.Conv2d(8, 8, 3, padding=1)
    converted = check_same(stack(conv, nn.ReLU(), conv, nn.ReLU()), clips())
    assert "called more than once" in arc_report(converted).converted[0].note


def test_operator_feedback_leaves_norm_and_activation_where_they_are() -> None:
    net = stack(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    converted = check_same(net, clips(), config=ArcConfig(feedback="operator"))
    assert type(converted.get_submodule("3")) is nn.BatchNorm2d
    assert arc_report(converted).converted[0].feedback == "convolution"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"where": "*.1"}, ["4.1"]),
        ({"where": ["2", "4.*"]}, ["2", "4.0", "4.1"]),
        ({"where": lambda name, layer: layer.out_channels == 16}, ["4.0", "4.1"]),
        ({"stages": ["4"]}, ["4.0"]),
        ({"stem": True}, ["0", "2", "4.0"]),
        ({"where": "0", "stem": True}, ["0"]),
    ],
)
def test_layers_are_chosen(options: Any, names: list[str]) -> None:
    inner = nn.Sequential(nn.Conv2d(8, 16, 3), nn.Conv2d(16, 16, 1))
    converted = check_same(stack(nn.Conv2d(8, 8, 3), nn.ReLU(), inner), clips(), **options)
    assert [c.name for c in arc_report(converted).converted] == names


def test_stages_by_number_are_those_of_a_resnet() -> None:
    class Stages(nn.Sequential):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3)
            self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 3))
            self.layer2 = nn.Sequential(nn.Conv2d(8, 8, 3))

    converted = convert(Stages(), stages=[2])
    assert [c.name for c in arc_report(converted).converted] == ["layer2.0"]
    both = convert(Stages(), stages="layer1, layer2")
    assert [c.name for c in arc_report(both).converted] == ["layer1.0", "layer2.0"]
    with pytest.raises(ValueError, match=r"no part 'layer5'; its parts are layer1, layer2, stem"):
        convert(Stages(), stages=[5])


def test_layers_that_cannot_be_divided_are_named() -> None:
    net = stack(nn.Conv2d(8, 10, 3), nn.Conv2d(10, 8, 3))
    with pytest.warns(UserWarning, match=r"2 is not converted: steps=4 does not divide .* use one of 1, 2, 5, 10"):
        convert(net)
    assert isinstance(net[3], ArcConv2d)


def test_nothing_to_convert_is_an_error_that_says_why() -> None:
    with pytest.raises(ValueError, match=r"no layer of this Sequential was converted:\n  0: the stem") as error:
        convert(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)))
    assert "1: a 1x1 convolution" in str(error.value)
    with pytest.raises(ValueError, match=r"use ArcConv2d\.from_layers"):
        convert(nn.Conv2d(3, 8, 3))
    with pytest.raises(ValueError, match="has no such layers"):
        convert(nn.Sequential(nn.ReLU()))


def test_subclasses_that_compute_something_else_are_left() -> None:
    class Scaled(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002
            return 2 * super().forward(input)

    class Renamed(nn.Conv2d):
        pass

    parametrized = nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 8, 3))
    converted = check_same(stack(Scaled(8, 8, 1), Renamed(8, 8, 3), parametrized), clips())
    assert [c.name for c in arc_report(converted).converted] == ["3"]
    assert {entry.name for entry in arc_report(converted).left if "no ARC form" in entry.reason} == {"2", "4"}


def test_hooks_are_not_lost_silently() -> None:
    net = stack(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3))
    net[2].register_forward_hook(lambda *_: None)
    report = arc_report(convert(net))
    assert [c.name for c in report.converted] == ["3"]
    assert any(entry.name == "2" and "hooks" in entry.reason for entry in report.left)


def test_converting_twice_finds_nothing_left() -> None:
    net = convert(stack(nn.Conv2d(8, 8, 3)))
    with pytest.raises(ValueError, match="2: already an ARC layer"):
        convert(net)


def test_copies_pickles_and_checkpoints_of_a_converted_network() -> None:
    net = convert(Functional())
    randomise(net)
    net.eval()
    x = clips()
    twin = copy.deepcopy(net).double().float()
    assert torch.equal(twin(x), net(x))
    with torch.no_grad():
        twin.bn1.weight.zero_()
    assert not torch.equal(twin(x), net(x))
    assert torch.equal(pickle.loads(pickle.dumps(net))(x), net(x))
    other = convert(Functional()).eval()
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(x), net(x))


def test_training_updates_the_statistics_of_an_absorbed_norm() -> None:
    net, x = Functional(), clips()
    converted = convert(copy.deepcopy(net))
    net(x)
    converted(x)
    torch.testing.assert_close(converted.bn1.running_mean, net.bn1.running_mean)
    assert converted.bn1.num_batches_tracked == 1


@pytest.mark.slow
def test_a_converted_network_compiles_as_one_graph_with_any_number_of_frames() -> None:
    net = FrameModel(convert(Functional()))
    randomise(net)
    net.eval()
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    for frames in (2, 3, 5):
        x = torch.randn(2, frames, 3, 9, 8)
        torch.testing.assert_close(compiled(x), net(x), rtol=1e-4, atol=1e-5)


def test_image_networks_on_video_pool_over_time() -> None:
    net = FrameModel(convert(Functional()))
    randomise(net)
    net.eval()
    x = torch.randn(2, 4, 3, 9, 8)
    y = net(x)
    assert y.shape == (2, 5)
    single = torch.stack([net(x[:, t : t + 1]) for t in range(4)]).mean(0)
    assert not torch.allclose(y, single)
    torch.testing.assert_close(net(x.flip(0)), y.flip(0))
    with pytest.raises(ValueError, match=r"clips \[B, T, C, H, W\], got"):
        net(x[0])


def test_what_is_no_network_is_told() -> None:
    with pytest.raises(
        UserError, match=r"not 'tsm_resnet18'; recircle.create_model\('tsm_resnet18', num_classes\) makes"
    ):
        convert("tsm_resnet18")  # pyright: ignore
    with pytest.raises(UserError, match=r"convert takes a network \(torch.nn.Module\), not 3$"):
        convert(3)  # pyright: ignore


def test_a_notebook_shows_what_was_converted() -> None:
    net = convert(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()), 2)
    html = arc_report(net)._repr_html_()
    assert "1 layers converted to ARC with 2 steps" in html
    assert "<code>2</code>" in html
    assert "1 layers left as they were" in html
    assert "color:inherit" in html
