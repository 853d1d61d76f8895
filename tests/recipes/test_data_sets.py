"""The recipes of the data sets that the paper does not report on."""

from pathlib import Path

import pytest

from recircle.recipes.registry import get_recipe, list_recipes
from recircle.training.config import TrainConfig
from recircle.views.flip import FlipPolicy

SETS = ("jester", "ucf101", "hmdb51", "finegym_gym99", "finegym_gym288")


def make(name: str) -> TrainConfig:
    return get_recipe(name)(Path("clips.csv"))


@pytest.mark.parametrize("name", SETS)
def test_the_plain_host_and_arc_are_trained_alike(name: str) -> None:
    plain, arc = make(f"{name}_tsm_resnet50_8f"), make(f"{name}_arc_tsm_resnet50_8f")
    assert (plain.model.name, arc.model.name) == ("tsm_resnet50", "arc_tsm_resnet50")
    for field in ("optimiser", "schedule", "epochs", "batch_size", "clip_norm", "freeze_norms"):
        assert getattr(plain, field) == getattr(arc, field)
    assert plain.model.dropout == arc.model.dropout


@pytest.mark.parametrize("name", ["ucf101_tsm_resnet50_8f", "hmdb51_tsm_resnet50_8f"])
def test_small_web_sets_are_trained_as_the_script_of_tsm_does(name: str) -> None:
    config = make(name)
    assert (config.optimiser.lr, config.optimiser.weight_decay, config.optimiser.nesterov) == (0.001, 5e-4, False)
    assert (config.epochs, config.batch_size, config.clip_norm, config.model.dropout) == (25, 64, 20.0, 0.8)
    assert config.schedule.milestones == (10, 20)
    assert config.freeze_norms == "all_but_first"
    text = get_recipe(name).description
    assert f"{name.partition('_')[0]}_split2" in text


@pytest.mark.parametrize(
    ("data", "labels", "pairs"),
    [
        ("jester", "jester", 3),
        ("ucf101", "ucf101", 0),
        ("hmdb51", "hmdb51", 0),
        ("finegym_gym99", "gym", 0),
        ("kinetics400", "kinetics_k400", 0),
    ],
)
def test_the_flip_knows_the_real_classes(shared_data: Path, data: str, labels: str, pairs: int) -> None:
    names = {"kinetics_k400": "kinetics__label_map_k400"}
    path = shared_data / "annotations" / "mmaction2_label_maps" / f"{names.get(labels, f'{labels}__label_map')}.txt"
    recipe = next(name for name in list_recipes() if name.startswith(data))
    policy = FlipPolicy.from_labels(path.read_text().splitlines(), make(recipe).data.augmentation.flip)
    assert policy.enabled
    assert len(policy.pairs) == pairs
