"""Networks prepared for inference: a copy that computes the same with fewer operations."""

import copy
from collections.abc import Callable
from fnmatch import fnmatch

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import recircle
from recircle import create_model
from recircle.arc import ArcConfig, ArcConv2d, ArcLayer, ArcLinear
from recircle.arc.sliced_norm import SlicedBatchNorm
from recircle.surgery import FrameModel, convert, prepare_for_inference, prepare_report
from tests.arc.variants import randomise
from tests.models.small import every_network, small, small_clips
from tests.torchvision_oracle import import_torchvision

BATCH_NORM = nn.modules.batchnorm._BatchNorm


def drawn(net: nn.Module) -> nn.Module:
    """Draw norms and ARC matrices as training might leave them, so that leaving one out is seen."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, BATCH_NORM | nn.GroupNorm):
                randomise(module, std=0.2)
                if module.weight is not None:
                    module.weight.add_(0.8)
            if isinstance(module, ArcLayer):
                for matrix in module.matrices:
                    if isinstance(matrix, Tensor):
                        matrix.normal_(0, 0.05)
    return net


def check_same(net: nn.Module, x: Tensor) -> nn.Module:
    """Prepare a network; it must stay as it was, and the copy compute the same. Return the copy."""
    drawn(net).train()
    state = copy.deepcopy(net.state_dict())
    modules = [(name, type(module)) for name, module in net.named_modules()]
    prepared = prepare_for_inference(net)
    assert all(module.training for module in net.modules())
    assert all(p.requires_grad for p in net.parameters())
    assert [(name, type(module)) for name, module in net.named_modules()] == modules
    assert net.state_dict().keys() == state.keys()
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in state.items())
    assert not any(module.training for module in prepared.modules())
    assert not any(p.requires_grad for p in prepared.parameters())
    given = x.clone()
    with torch.no_grad():
        close(prepared(given), net.eval()(x))
        close(prepared(given), net(x))
    assert torch.equal(given, x)
    return prepared


def close(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    assert expected.abs().max() > 0
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


def batch_norms(net: nn.Module) -> list[str]:
    return [name for name, module in net.named_modules() if isinstance(module, BATCH_NORM)]


def images(*shape: int) -> Tensor:
    return torch.randn(*(shape or (2, 3, 9, 8)), generator=torch.Generator().manual_seed(5))


KEEP_NORMS = ("*rubiksnet_*", "*gsm_*", "*timesformer_*")
"""Norms before the convolution, as in pre-activation networks and gates, and norms of tokens stay."""


@pytest.mark.parametrize("name", every_network())
def test_registered_networks_lose_all_their_norms(name: str) -> None:
    net = small(name)
    norms = batch_norms(net)
    prepared = check_same(net, small_clips(name))
    report = prepare_report(prepared)
    left = {entry.name for entry in report.left}
    if not any(fnmatch(name, pattern) for pattern in KEEP_NORMS):
        assert left == set()
    assert {entry.norm for entry in report.folded} == set(norms) - left
    assert set(batch_norms(prepared)) <= left
    if left:
        return
    activations = [m for m in prepared.modules() if isinstance(m, nn.ReLU | nn.ReLU6)]
    activations += [m.act for m in prepared.modules() if isinstance(m, ArcLayer) and isinstance(m.act, nn.ReLU)]
    assert len(set(report.in_place)) == len(report.in_place) >= 10
    if name.startswith(("tsn_resnet", "tsm_", "arc_ts")):
        assert all(act.inplace for act in activations)
        assert report.channels_last
    if report.channels_last:
        assert all(
            m.weight.is_contiguous(memory_format=torch.channels_last)
            for m in prepared.modules()
            if isinstance(m, nn.Conv2d)
        )


@pytest.mark.parametrize("name", ["tsm_resnet18", "arc_tsm_resnet18"])
def test_bf16_autocast_is_as_exact_as_before(name: str) -> None:
    net = drawn(create_model(name, 5, width=8)).eval()
    assert isinstance(net.fc, nn.Linear)
    nn.init.normal_(net.get_parameter("fc.weight"))
    prepared, x = prepare_for_inference(net), images(2, 4, 3, 32, 32)
    with torch.inference_mode():
        exact = net(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            before, after = net(x).float(), prepared(x).float()
    assert (after - exact).abs().max() <= 2 * (before - exact).abs().max() + 0.01 * exact.abs().max()


def test_norms_of_operator_feedback_are_left() -> None:
    net = create_model("arc_tsm_resnet18", 5, width=8, arc=ArcConfig(feedback="operator"))
    assert isinstance(net.fc, nn.Linear)
    nn.init.normal_(net.get_parameter("fc.weight"))
    prepared = check_same(net, images(1, 3, 3, 32, 32))
    report = prepare_report(prepared)
    plain = {"bn1", *(f"layer{stage}.0.downsample.1" for stage in (2, 3, 4))}
    assert {entry.norm for entry in report.folded} == plain
    assert {entry.name for entry in report.left} == set(batch_norms(net)) - plain
    assert {entry.reason for entry in report.left} == {
        "the ARC layer before it feeds back features that are not normalised"
    }
    assert set(batch_norms(prepared)) == {entry.name for entry in report.left}


@pytest.mark.parametrize("feedback", ["norm_act", "operator"])
@pytest.mark.parametrize("bias", [True, False])
def test_an_arc_layer_that_owns_its_norm(feedback: str, bias: bool) -> None:
    config = ArcConfig(feedback=feedback)  # pyright: ignore[reportArgumentType]
    layer = ArcConv2d(8, 16, 3, bias=bias, config=config, norm=nn.BatchNorm2d(16), act=nn.SiLU())
    prepared = check_same(nn.Sequential(layer), images(2, 3, 8, 7, 6))
    report = prepare_report(prepared)
    assert isinstance(prepared, nn.Sequential)
    if feedback == "operator":
        assert isinstance(prepared[0].norm, SlicedBatchNorm)
        assert [entry.name for entry in report.left] == ["0.norm"]
        assert report.in_place == ()
    else:
        assert prepared[0].norm is None
        assert [(entry.norm, entry.into) for entry in report.folded] == [("0.norm", "0")]
        assert report.in_place == ("0.act",)
    assert not layer.act.inplace  # pyright: ignore


def test_an_activation_that_an_arc_layer_shares_overwrites_only_there() -> None:
    net = Net(lambda net, x: net.act(x).sum() + net.conv(x) + x.sum())
    net.conv = ArcConv2d(3, 4, 1, act=net.act, config=ArcConfig(steps=2))
    prepared = check_same(net, images(2, 3, 7, 6))
    assert prepare_report(prepared).in_place == ("conv.act",)


def test_a_norm_of_two_arc_layers_is_left() -> None:
    norm = SlicedBatchNorm.take(nn.BatchNorm2d(8))
    net = nn.Sequential(*(ArcConv2d(8, 8, 3, padding=1, norm=norm) for _ in range(2)))
    prepared = check_same(net, images(2, 3, 8, 7, 6))
    assert [entry.reason for entry in prepare_report(prepared).left] == ["it serves several ARC layers"]


def test_group_norms_are_left_where_they_are() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.GroupNorm(4, 8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.GroupNorm(4, 8), nn.ReLU()
    )
    plain = prepare_report(check_same(copy.deepcopy(net), images()))
    assert [entry.name for entry in plain.left] == ["1", "4"]
    assert plain.in_place == ("2", "5")
    report = prepare_report(check_same(convert(net), images()))
    assert {entry.reason for entry in report.left} == {"a GroupNorm takes its statistics from its input"}
    assert len(report.left) == 2
    assert report.folded == ()
    assert set(report.in_place) == {"3.act", "2"}


@pytest.mark.parametrize("converted", [False, True])
def test_torchvision_resnet_on_clips(converted: bool) -> None:
    import_torchvision()
    from torchvision.models import resnet18

    net = resnet18(num_classes=7)
    prepared = check_same(FrameModel(convert(net) if converted else net), images(2, 3, 3, 40, 33))
    report = prepare_report(prepared)
    assert len(report.folded) == 20
    assert report.left == ()
    assert batch_norms(prepared) == []
    assert report.channels_last


@pytest.mark.parametrize("converted", [False, True])
def test_torchvision_r3d(converted: bool) -> None:
    import_torchvision()
    from torchvision.models.video import r3d_18

    net = r3d_18(num_classes=7)
    prepared = check_same(convert(net) if converted else net, images(1, 3, 4, 32, 28))
    assert len(prepare_report(prepared).folded) == 20
    assert batch_norms(prepared) == []


PAIRS: dict[str, tuple[nn.Module, Tensor]] = {
    "bias": (nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()), images()),
    "no bias, groups": (nn.Sequential(nn.Conv2d(3, 9, 3, groups=3, bias=False), nn.BatchNorm2d(9)), images()),
    "no affine": (nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, affine=False), nn.Hardswish()), images()),
    "padding mode": (
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"), nn.BatchNorm2d(8), nn.LeakyReLU()),
        images(),
    ),
    "1-D": (nn.Sequential(nn.Conv1d(3, 8, 3), nn.BatchNorm1d(8), nn.ReLU6()), images(2, 3, 9)),
    "linear": (nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.SiLU()), images(5, 6)),
    "identity between": (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Identity(), nn.BatchNorm2d(8), nn.ELU()), images()),
    "synchronised": (nn.Sequential(nn.Conv2d(3, 8, 3), nn.SyncBatchNorm(8)), images()),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_pairs(pair: str) -> None:
    net, x = PAIRS[pair]
    prepared = check_same(copy.deepcopy(net), x)
    report = prepare_report(prepared)
    assert len(report.folded) == 1
    assert report.left == ()
    assert len(report.in_place) == len(net) - len([m for m in net if not hasattr(m, "inplace")])  # pyright: ignore
    assert report.channels_last


def test_float64_is_folded_in_float64() -> None:
    net, x = drawn(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))).double().eval(), images().double()
    close(prepare_for_inference(net)(x), net(x), 1e-14)


class Net(nn.Module):
    """A convolution and a norm that `step` uses in one way or another."""

    def __init__(self, step: Callable[["Net", Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.other = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.act = nn.ReLU()
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        return self.step(self, x)


def _both(net: Net, x: Tensor) -> Tensor:
    y = net.conv(x)
    return net.norm(y) + y


USES: dict[str, Callable[[Net, Tensor], Tensor]] = {
    "the convolution is called twice": lambda net, x: net.norm(net.conv(net.conv(x))),
    "the norm is called twice": lambda net, x: net.norm(net.conv(net.norm(net.other(x)))),
    "the convolution's output is used twice": _both,
    "an activation between": lambda net, x: net.norm(net.act(net.conv(x))),
    "the norm comes first": lambda net, x: net.conv(net.norm(x)),
    "the weight is read": lambda net, x: net.norm(net.conv(x)) + net.conv.weight.sum(),
    "the norm's bias is read": lambda net, x: net.norm(net.conv(x)) + net.norm.bias.sum(),
    "the norm is never called": lambda net, x: net.conv(x),
}


@pytest.mark.parametrize("use", USES)
def test_norms_that_belong_to_no_layer_are_left(use: str) -> None:
    prepared = check_same(Net(USES[use]), images())
    report = prepare_report(prepared)
    assert report.folded == ()
    assert [entry.name for entry in report.left] == ["norm"]
    assert report.left[0].reason


def _tapped(net: Net, x: Tensor) -> Tensor:
    y = net.conv(x)
    return net.act(y) * y


OVERWRITING: dict[str, tuple[bool, Callable[[Net, Tensor], Tensor]]] = {
    "of a sum": (True, lambda net, x: net.act(net.norm(net.conv(x)) + x)),
    "of a sum in place": (True, lambda net, x: net.act(net.norm(net.conv(x)).add_(x))),
    "twice, both new": (True, lambda net, x: net.act(net.conv(net.act(net.other(x))))),
    "of the input": (False, lambda net, x: net.norm(net.conv(net.act(x)))),
    "of the input changed in place": (False, lambda net, x: net.act(x.mul(1).add_(1)) + x),
    "of what is used again": (False, _tapped),
    "of a view": (False, lambda net, x: net.act(net.conv(x)[:, :2]).sum() + net.other(x)),
    "once new, once not": (False, lambda net, x: net.act(net.conv(net.act(x)))),
}


@pytest.mark.parametrize("where", OVERWRITING)
def test_activations_overwrite_what_nobody_else_sees(where: str) -> None:
    allowed, step = OVERWRITING[where]
    prepared = check_same(Net(step), images())
    assert prepare_report(prepared).in_place == (("act",) if allowed else ())
    assert prepared.get_submodule("act").inplace is allowed


def test_layers_with_hooks_are_left() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
    seen: list[object] = []
    for index in (0, 3):
        net[index].register_forward_hook(lambda module, args, output: seen.append(output))
    prepared = check_same(net, images())
    assert [(e.name, e.reason) for e in prepare_report(prepared).left] == [("1", "0 has forward hooks")]
    # the last activation would change what the hook before it was given
    assert prepare_report(prepared).in_place == ("2",)


def test_hooks_on_the_norm_of_a_converted_layer_are_kept() -> None:
    def doubled(module: nn.Module, args: object, output: Tensor) -> Tensor:
        return 2 * output

    net = convert(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)), stem=True)
    net[1].register_forward_hook(doubled)
    prepared = check_same(net, images())
    assert [entry.reason for entry in prepare_report(prepared).left] == ["1 has forward hooks"]


def test_old_weight_norm_is_left() -> None:
    with pytest.warns(FutureWarning), torch.no_grad():
        conv = nn.utils.weight_norm(nn.Conv2d(3, 8, 3))
    prepared = check_same(nn.Sequential(conv, nn.BatchNorm2d(8)), images())
    assert prepare_report(prepared).folded == ()


def test_parametrized_layers_are_left() -> None:
    conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3))
    prepared = check_same(nn.Sequential(conv, nn.BatchNorm2d(8)), images())
    assert prepare_report(prepared).folded == ()


class Untraceable(nn.Module):
    """Parts under a forward that cannot be traced; one convolution is in both."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.Conv2d(3, 3, 3, padding=1)
        self.one = nn.Sequential(shared, nn.BatchNorm2d(3), nn.ReLU())
        self.two = nn.Sequential(shared, nn.BatchNorm2d(3), nn.ReLU())
        self.three = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(self.one(x)) if x.sum() < 1e9 else x
        x = self.three(x)
        return x.view(len(x), -1)


def test_what_is_registered_twice_is_left_where_the_whole_cannot_be_traced() -> None:
    prepared = check_same(Untraceable(), images())
    report = prepare_report(prepared)
    assert [(entry.norm, entry.into) for entry in report.folded] == [("three.1", "three.0")]
    assert [entry.name for entry in report.left] == ["one.1", "two.1"]
    assert "registered under several names" in report.left[0].reason
    assert not report.channels_last


class Viewing(nn.Module):
    """A head as it is often written, which a channels-last feature map would break."""

    def forward(self, x: Tensor) -> Tensor:
        return x.view(x.size(0), -1)


@pytest.mark.parametrize("own_module", [False, True])
def test_networks_that_view_their_maps_keep_the_memory_format(own_module: bool) -> None:
    net = Net(lambda net, x: net.norm(net.conv(x)).view(2, -1))
    if own_module:
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), Viewing())
    report = prepare_report(check_same(net, images()))
    assert len(report.folded) == 1
    assert not report.channels_last
    assert "memory format kept" in str(report)


def test_norms_that_are_no_fixed_affine_map_are_left() -> None:
    class Doubled(nn.BatchNorm2d):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002
            return 2 * super().forward(input)

    net = nn.Sequential(
        *(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3, track_running_stats=False)),
        *(nn.Conv2d(3, 3, 3, padding=1), Doubled(3)),
        *(nn.Conv2d(3, 3, 3, padding=1), nn.InstanceNorm2d(3)),
    )
    reasons = {entry.name: entry.reason for entry in prepare_report(check_same(net, images())).left}
    assert reasons.keys() == {"1", "3", "5"}
    assert reasons["1"] == "it keeps no running statistics"
    assert reasons["3"].endswith("Doubled may do more than normalise")
    assert "statistics from its input" in reasons["5"]


def test_a_norm_behind_a_linear_arc_layer_is_left() -> None:
    net = nn.Sequential(ArcLinear(8, 8, act=nn.SiLU()), nn.BatchNorm1d(5))
    report = prepare_report(check_same(net, images(3, 5, 8)))
    assert [entry.name for entry in report.left] == ["1"]
    assert report.in_place == ("0.act",)


def test_a_linear_layer_whose_norm_normalises_tokens_is_refused_when_it_runs() -> None:
    net = drawn(nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8))).eval()
    prepared = prepare_for_inference(net)
    close(prepared(images(4, 6)), net(images(4, 6)))
    with pytest.raises(ValueError, match=r"right for rows \[N, C\]; this input has the shape \(2, 8, 8\)"):
        prepared(images(2, 8, 6))


def test_tied_weights_are_untied_and_not_changed() -> None:
    net = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 3))
    net[2].weight = net[0].weight
    prepared = check_same(net, images())
    assert torch.equal(prepared.get_parameter("2.weight"), net[0].weight)  # pyright: ignore


@pytest.mark.parametrize("name", ["arc_tsn_efficientnet_lite0", "arc_tsm_resnet18"])
def test_preparing_twice_changes_nothing(name: str) -> None:
    once = prepare_for_inference(drawn(create_model(name, 5, width=8)))
    twice = prepare_for_inference(once)
    assert prepare_report(twice) == prepare_report(once)
    assert str(prepare_report(twice)) == str(prepare_report(once))
    assert twice.state_dict().keys() == once.state_dict().keys()
    assert all(torch.equal(value, twice.state_dict()[key]) for key, value in once.state_dict().items())


def test_the_report_says_what_was_done() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.BatchNorm2d(8))
    prepared = recircle.prepare_for_inference(net)
    assert str(prepare_report(prepared)).splitlines() == [
        "1 batch norms folded:",
        "  1 into 0",
        "1 norms left as they were:",
        "  3: no convolution or linear layer hands its output to it, and to nothing else, once",
        "1 activations in place:",
        "  2",
        "convolutions channels last",
        "1 convolutions keep reordered weights",
    ]
    with pytest.raises(ValueError, match="this Sequential has not been prepared"):
        prepare_report(net)


def test_training_it_has_no_norms_to_update() -> None:
    prepared = prepare_for_inference(drawn(create_model("arc_tsm_resnet18", 5, width=8, dropout=0.0)))
    x = images(2, 3, 3, 32, 32)
    expected = prepared(x)
    assert torch.equal(prepared.train()(x), expected)


def test_it_exports() -> None:
    net = create_model("arc_tsn_resnet18", 5, width=8, stages=[1])
    nn.init.normal_(net.get_parameter("fc.weight"))
    net = prepare_for_inference(drawn(net))
    x = images(2, 3, 3, 32, 32)
    dims = {0: torch.export.Dim("B", min=1)}
    program = torch.export.export(net, (x,), dynamic_shapes={"clips": dims}, strict=False)
    other = images(3, 3, 3, 32, 32)
    close(program.module()(other), net(other))


def test_functional_activations_stay() -> None:
    net = Net(lambda net, x: F.relu(net.norm(net.conv(x))))
    report = prepare_report(check_same(net, images()))
    assert len(report.folded) == 1
    assert report.in_place == ()


def test_layers_whose_state_is_a_sum_run_their_operator_once() -> None:
    net = create_model("arc_tsm_resnet18", 5, width=8, arc=ArcConfig.temporal())
    prepared = check_same(net, images(2, 4, 3, 32, 40))
    report = prepare_report(prepared)
    assert len(report.superposed) == 16
    assert "16 ARC layers run their operator once:\n  layer1.0.conv1" in str(report)
    again = prepare_for_inference(prepared)
    assert prepare_report(again).superposed == report.superposed
