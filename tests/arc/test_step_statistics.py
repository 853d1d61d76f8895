"""Batch norms that keep what they find apart for each number of recursive steps."""

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from recircle import UserError, VideoModel, create_model, load_weights, prepare_for_inference
from recircle.arc import ArcLayer, StepStatistics, set_steps
from recircle.arc.step_statistics import keep_step_statistics
from recircle.torch_internals import BatchNorm
from tests.arc.variants import randomise


def make() -> VideoModel:
    torch.manual_seed(0)
    network = create_model("arc_tsm_resnet18", 3, width=8, dropout=0.0)
    randomise(network)
    return network.double()


def statistics(network: nn.Module) -> list[Tensor]:
    norms = [norm for norm in network.modules() if isinstance(norm, BatchNorm)]
    found = [value for norm in norms for value in (norm.running_mean, norm.running_var) if value is not None]
    assert found
    return found


@pytest.fixture(scope="module")
def batches() -> dict[int, list[Tensor]]:
    torch.manual_seed(1)
    return {n: [torch.randn(2, 4, 3, 32, 32, dtype=torch.float64) for _ in range(2)] for n in (1, 2, 4)}


@pytest.fixture(scope="module")
def learned(batches: dict[int, list[Tensor]]) -> nn.Module:
    """Return a network that has seen the batches of all numbers by turns."""
    network = make().train()
    keep_step_statistics(network, (1, 2, 4))
    for number in range(2):
        for steps, clips in batches.items():
            set_steps(network, steps)
            network(clips[number])
    set_steps(network, 4)
    return network.eval()


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_each_number_has_the_statistics_of_its_own_batches(
    learned: nn.Module, batches: dict[int, list[Tensor]], steps: int
) -> None:
    network, alone = copy.deepcopy(learned), make().train()
    set_steps(alone, steps)
    for clips in batches[steps]:
        alone(clips)
    set_steps(network, steps)
    for found, expected in zip(statistics(network), statistics(alone), strict=True):
        torch.testing.assert_close(found, expected)


def test_turning_back_loses_nothing(learned: nn.Module) -> None:
    network = copy.deepcopy(learned)
    before = copy.deepcopy(network.state_dict())
    for steps in (2, 2, 1, 4):
        set_steps(network, steps)
    for name, value in network.state_dict().items():
        # the row of the current number is out of date until it is kept
        if name.startswith("step_statistics."):
            continue
        assert torch.equal(value, before[name]), name


def test_a_state_that_was_saved_in_fewer_steps_is_told_apart(learned: nn.Module) -> None:
    network, other = copy.deepcopy(learned), make().eval()
    keep_step_statistics(other, (1, 2, 4))
    x = torch.randn(1, 4, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        expected = network(x)
        set_steps(network, 2)
        other.load_state_dict(network.state_dict())
        torch.testing.assert_close(other(x), expected)


def test_a_state_of_other_numbers_is_refused() -> None:
    saved, network = make(), make()
    keep_step_statistics(saved, (1, 4))
    keep_step_statistics(network, (2, 4))
    with pytest.raises(ValueError, match=r"statistics for \[1, 4\] steps, the network for \[2, 4\]"):
        network.load_state_dict(saved.state_dict())


def test_the_order_of_the_numbers_does_not_matter(learned: nn.Module) -> None:
    other = make()
    keep_step_statistics(other, (2, 4, 1))
    other.load_state_dict(learned.state_dict())
    network = copy.deepcopy(learned)
    for steps in (1, 2, 4):
        set_steps(network, steps)
        set_steps(other, steps)
        for found, expected in zip(statistics(other), statistics(network), strict=True):
            assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((1, 2), "the network itself runs in 4 steps, and the numbers are 1, 2"),
        ((), "the network itself runs in 4 steps, and the numbers are none"),
        ((4, 4), "each number once"),
        ((0, 4), "is 1 or more"),
        ((2.0, 4), "is a whole number"),
        ((4, 3), "steps=3 does not divide a layer of 8 output channels"),
        ((4, 8), "this layer has weights for 4 steps at most"),
    ],
)
def test_numbers_that_cannot_be_are_refused(numbers: tuple[int, ...], told: str) -> None:
    network = make()
    with pytest.raises(ValueError, match=told):
        StepStatistics(network, numbers)
    assert {module.config.steps for module in network.modules() if isinstance(module, ArcLayer)} == {4}


def test_made_while_fewer_steps_run_they_are_of_these(learned: nn.Module) -> None:
    network = make()
    set_steps(network, 2)
    assert int(StepStatistics(network, (1, 2, 4)).current) == 2
    with pytest.raises(ValueError, match="no ARC layers"):
        StepStatistics(nn.BatchNorm2d(2), (1, 2))


@pytest.mark.parametrize("steps", ["2", 2.0, None, True])
def test_steps_are_a_whole_number(steps: int) -> None:
    with pytest.raises(ValueError, match="is a whole number"):
        set_steps(make(), steps)


def test_a_weight_file_of_one_number_begins_all(tmp_path: Path) -> None:
    plain, network = make().float(), make().float()
    for value in statistics(plain):
        torch.nn.init.uniform_(value, 0.5, 2)
    save_file(plain.state_dict(), tmp_path / "model.safetensors")
    keep_step_statistics(network, (1, 2, 4))
    load_weights(network, tmp_path / "model.safetensors")
    for steps in (1, 2, 4):
        set_steps(network, steps)
        for found, expected in zip(statistics(network), statistics(plain), strict=True):
            assert torch.equal(found, expected)


def test_a_weight_file_of_several_numbers_is_taken_whole_or_refused(learned: nn.Module, tmp_path: Path) -> None:
    saved, network = copy.deepcopy(learned).float(), make().float()
    set_steps(saved, 1)
    save_file(saved.state_dict(), tmp_path / "model.safetensors")
    keep_step_statistics(network, (1, 2, 4))
    load_weights(network, tmp_path / "model.safetensors")
    for steps in (4, 2, 1):
        set_steps(network, steps)
        set_steps(saved, steps)
        for found, expected in zip(statistics(network), statistics(saved), strict=True):
            assert torch.equal(found, expected)
    set_steps(saved, 1)
    save_file(saved.state_dict(), tmp_path / "model.safetensors")
    other = make().float()
    keep_step_statistics(other, (2, 4))
    before = [value.clone() for value in statistics(other)]
    with pytest.raises(UserError, match=r"; of other numbers of steps: \[1, 2, 4\], not \[2, 4\]$"):
        load_weights(other, tmp_path / "model.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(before, statistics(other)))


def test_what_cannot_be_turned_to_changes_nothing(learned: nn.Module) -> None:
    network = make()
    keep_step_statistics(network, (2, 4))
    with pytest.raises(ValueError, match="learned with 2, 4 and has statistics for these alone"):
        set_steps(network, 1)
    prepared = prepare_for_inference(copy.deepcopy(learned))
    x = torch.randn(1, 4, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        expected = learned(x)
        torch.testing.assert_close(prepared(x), expected)
        with pytest.raises(ValueError, match="what they found in 4 steps, are part of its weights"):
            set_steps(prepared, 2)
        set_steps(prepared, 4)
        torch.testing.assert_close(prepared(x), expected)


def test_a_prepared_network_has_those_of_its_number(learned: nn.Module) -> None:
    network = copy.deepcopy(learned)
    set_steps(network, 2)
    x = torch.randn(1, 4, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(prepare_for_inference(network)(x), network(x))


def test_what_it_says_of_itself(learned: nn.Module) -> None:
    assert repr(learned.step_statistics) == "StepStatistics(4; also 1, 2)"


def test_a_network_without_norms_has_none() -> None:
    plain = nn.Sequential(nn.Linear(2, 2))
    keep_step_statistics(plain, (1, 2))
    assert not [module for module in plain.modules() if isinstance(module, StepStatistics)]
