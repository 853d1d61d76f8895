import math

import pytest
import torch
from torch import nn

from recircle.models.registry import create_model
from recircle.training.optimiser import Optimiser, parameter_groups, set_lr


def by_name(model: nn.Module, config: Optimiser) -> dict[str, tuple[float, float]]:
    """Return (lr_scale, weight_decay) of every parameter that is in exactly one group."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    found: dict[str, tuple[float, float]] = {}
    for group in parameter_groups(model, config):
        for parameter in group["params"]:
            assert names[parameter] not in found
            found[names[parameter]] = (group["lr_scale"], group["weight_decay"])
    return found


@pytest.mark.parametrize("name", ["tsm_resnet18", "arc_tsm_resnet18"])
def test_only_matrices_and_kernels_decay(name: str) -> None:
    model = create_model(name, 5, width=8)
    groups = by_name(model, Optimiser(weight_decay=0.1))
    assert groups.keys() == {name for name, _ in model.named_parameters()}
    for name, parameter in model.named_parameters():
        assert groups[name] == (1.0, 0.1 if parameter.ndim > 1 else 0.0)
    vectors = [name for name, (_, decay) in groups.items() if decay == 0]
    assert all("bn" in name or name.endswith("bias") or "downsample.1" in name for name in vectors)


def test_rates_of_the_published_scripts() -> None:
    model = create_model("tsm_resnet18", 5, width=8)
    groups = by_name(model, Optimiser(weight_decay=5e-4, bias_lr=2, head_lr=5))
    assert groups["fc.weight"] == (5, 5e-4)
    assert groups["fc.bias"] == (10, 0)
    assert groups["conv1.weight"] == (1, 5e-4)
    assert groups["bn1.weight"] == groups["bn1.bias"] == (1, 0)
    convolution = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    assert by_name(convolution, Optimiser(bias_lr=2))["0.bias"] == (2, 0)


def test_what_arc_adds_may_have_a_rate_of_its_own() -> None:
    model = create_model("arc_tsm_resnet18", 5, width=8)
    groups = by_name(model, Optimiser(weight_decay=0.1, arc_lr=3))
    assert groups["layer1.0.conv1.fusion"] == (3, 0.1)
    assert groups["layer1.0.conv1.weight"] == (1, 0.1)
    with pytest.raises(ValueError, match="arc_lr=2 has no effect"):
        parameter_groups(create_model("tsm_resnet18", 5, width=8), Optimiser(arc_lr=2))


def test_a_classifier_that_is_not_found_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"head_lr=5 needs a classifier named `fc`; Linear has none"):
        parameter_groups(nn.Linear(2, 2), Optimiser(head_lr=5))


def test_a_shared_parameter_is_taken_once_and_a_frozen_one_never() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    first.bias.requires_grad_(False)
    groups = by_name(nn.Sequential(first, second), Optimiser())
    assert groups.keys() == {"0.weight", "1.bias"}


def test_set_lr_keeps_the_multiples() -> None:
    optimiser = Optimiser(lr=1.0, head_lr=5).build(create_model("tsn_resnet18", 5, width=8))
    set_lr(optimiser, 0.02)
    assert {group["lr"] for group in optimiser.param_groups} == {0.02, 0.1}


def test_kinds() -> None:
    model = nn.Linear(2, 2)
    sgd = Optimiser(momentum=0.8, nesterov=False).build(model)
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.defaults["momentum"], sgd.defaults["nesterov"]) == (0.8, False)
    assert isinstance(Optimiser(kind="adamw").build(model), torch.optim.AdamW)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "adam"}, "kind='adam'"),
        ({"lr": 0.0}, "lr=0.0"),
        ({"lr": math.inf}, "lr=inf"),
        ({"bias_lr": -1.0}, "bias_lr=-1.0"),
        ({"head_lr": 0.0}, "head_lr=0.0"),
        ({"momentum": 1.0}, "momentum=1.0"),
        ({"momentum": 0.0}, "nesterov=False"),
        ({"weight_decay": -1e-4}, "weight_decay=-0.0001"),
    ],
)
def test_wrong_values_are_named(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Optimiser(**values)


def test_a_module_may_have_a_rate_and_no_decay_of_its_own() -> None:
    groups = by_name(create_model("rubiksnet_tiny", 3, width=8), Optimiser(weight_decay=0.5))
    shifts = {group for name, group in groups.items() if name.endswith(".shift.shift")}
    assert shifts == {(0.01, 0.0)}
    assert groups["conv1.weight"] == (1, 0.5)
