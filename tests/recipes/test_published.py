"""The recipes of the paper's tables against the settings of the published scripts, written down here again."""

from pathlib import Path

import pytest

from recircle.evaluation.protocol import Protocol
from recircle.models.registry import create_model
from recircle.recipes.registry import get_recipe, list_recipes
from recircle.training.config import TrainConfig
from recircle.views.flip import FlipPolicy
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from tests.recipes.layouts import data_set_of

PAPER = [
    name
    for name in list_recipes()
    if name.startswith(("something", "diving48", "kinetics400"))
    and ("_arc_tsm_" in name or "_v1_tsm_" in name)
    and name != "something_v1_tsm_resnet50_16f"
]
"""The rows of ARC, and of the plain hosts that its authors trained in the same way."""

# learning rate, decay, epochs, batch, gradient norm
SETTINGS = {
    "something_v1": (0.01, 5e-4, 50, 32, 200.0),
    "something_v2": (0.01, 5e-4, 50, 32, 200.0),
    "diving48_v1": (0.01, 1e-4, 40, 8, 20.0),
    "diving48_v2": (0.01, 1e-4, 40, 8, 20.0),
    "kinetics400": (0.02, 1e-4, 75, 96, 20.0),
}
# epochs and the rate in their middle, as a part of the full one
RATES = {
    "something": {0: 1, 29: 1, 30: 0.1, 39: 0.1, 40: 0.01, 49: 0.01},
    "kinetics400": {0: 1, 29: 1, 30: 0.1, 59: 0.1, 60: 0.01, 74: 0.01},
    "diving48": {0: 0.05, 4: 0.45, 9: 0.95, 24.5: 0.5, 39.5: 0.0},
}


def make(name: str) -> TrainConfig:
    return get_recipe(name)(Path("clips.csv"))


@pytest.mark.parametrize("name", PAPER)
def test_settings(name: str) -> None:
    config = make(name)
    found = (
        config.optimiser.lr,
        config.optimiser.weight_decay,
        config.epochs,
        config.batch_size,
        config.clip_norm,
    )
    assert found == SETTINGS[data_set_of(name)]
    assert (config.optimiser.kind, config.optimiser.momentum, config.optimiser.nesterov) == ("sgd", 0.9, True)
    assert (config.optimiser.bias_lr, config.optimiser.head_lr) == (2.0, 1.0)
    assert (config.accumulate, config.freeze_norms, config.ema, config.label_smoothing) == (1, "none", None, 0.0)
    assert (config.model.dropout, config.model.width, config.model.arc) == (0.5, None, None)


@pytest.mark.parametrize("name", PAPER)
def test_schedule(name: str) -> None:
    config = make(name)
    rates = next(rates for start, rates in RATES.items() if name.startswith(start))
    for epoch, share in rates.items():
        rate = config.schedule.lr_at(epoch + 0.5, lr=1.0, epochs=config.epochs)
        assert rate == pytest.approx(share, abs=1e-3), epoch


@pytest.mark.parametrize("name", PAPER)
def test_views(name: str) -> None:
    config = make(name)
    assert config.data.augmentation.scales == (1, 0.875, 0.75, 0.66)
    assert config.data.augmentation.flip == "auto"
    assert config.data.preprocessing is None, "that of the network is taken"
    if name.startswith("kinetics400"):
        assert config.data.sampling == Sampling(frames=8, mode="dense", stride=8)
    else:
        assert config.data.sampling == Sampling(frames=int(name.rpartition("_")[2].removesuffix("f")))
    assert config.evaluation == Protocol(clips=2 if name.startswith("diving48") else 1)
    views = {"something": "--views 1x1", "diving48": "--views 2x1", "kinetics400": "--views 10x3"}
    text = get_recipe(name).description
    assert next(option for start, option in views.items() if name.startswith(start)) in text


def test_the_network_and_its_preprocessing() -> None:
    for name in PAPER:
        assert make(name).model.name in name
    assert create_model("arc_tsm_resnet18", 174, width=8).preprocessing == Preprocessing(resize=256, crop=224)


def test_the_flip_swaps_three_pairs_of_the_real_classes(shared_data: Path) -> None:
    path = shared_data / "annotations" / "something_v1" / "something-something-v1-labels.csv"
    labels = [line for line in path.read_text().splitlines() if line]
    policy = FlipPolicy.from_labels(labels, make("something_v1_arc_tsm_resnet18_8f").data.augmentation.flip)
    assert policy.enabled
    assert len(policy.pairs) == 3


def test_no_dive_names_a_side(shared_data: Path) -> None:
    labels = (shared_data / "annotations" / "diving48" / "vocab_48.txt").read_text().split()
    policy = FlipPolicy.from_labels(labels, make("diving48_v1_arc_tsm_resnet18_16f").data.augmentation.flip)
    assert policy.enabled
    assert not policy.pairs
