"""Options that are printed make the config that they were printed for."""

from dataclasses import replace
from pathlib import Path

import pytest

from recircle.arc.config import ArcConfig
from recircle.cli.train import parse_config
from recircle.fit.options import options_from
from recircle.models.registry import ModelConfig, create_model
from recircle.recipes.registry import get_recipe
from recircle.training.config import TrainConfig
from recircle.training.schedule import Schedule
from recircle.views.sampling import Sampling


def changed(config: TrainConfig) -> list[TrainConfig]:
    plain = create_model(config.model.name, 2).preprocessing
    small = replace(config.data, preprocessing=replace(plain, resize=(119, 161), crop=(112, 152)))
    more = replace(
        config, data=small, epochs=46, minutes=8.3, class_weights="balanced", freeze=("stem_conv", "blocks.0")
    )
    others = replace(
        config,
        output=Path("runs/it's mine"),
        channels_last=False,
        clip_norm=None,
        ema=0.99,
        schedule=Schedule(milestones=(3, 5)),
        data=replace(
            config.data, groups=("set1/*", "x y"), cache=Path("frames"), sampling=Sampling(frames=4, fps=12.5)
        ),
    )
    return [config, more, others]


@pytest.mark.parametrize("name", ["finetune", "tsm_resnet18", "arc_tsm_resnet18"])
def test_options_make_the_config(name: str) -> None:
    recipe = get_recipe(name)(Path("clips.csv"))
    for wanted in changed(recipe):
        assert parse_config(recipe, options_from(recipe, wanted)) == wanted
    assert options_from(recipe, recipe) == []


def test_another_network_and_its_arc() -> None:
    recipe = get_recipe("finetune")(Path("clips.csv"))
    arc = ModelConfig(name="arc_tsm_efficientnet_lite0", arc=ArcConfig(steps=2), dropout=0.2, pretrained="imagenet")
    wanted = replace(recipe, model=arc)
    assert parse_config(recipe, options_from(recipe, wanted)) == wanted
    wanted = replace(recipe, model=replace(arc, arc=None, width=16, pretrained=None))
    assert parse_config(recipe, options_from(recipe, wanted)) == wanted
