"""The list of recipes, and what each of them promises."""

import subprocess
import sys
from pathlib import Path

import pytest

from recircle.config import from_json, to_json
from recircle.errors import UserError
from recircle.recipes.registry import get_recipe, list_recipes, warn_from_scratch
from recircle.training.config import TrainConfig

ARC_ROWS = {
    "something_v1_arc_tsm_resnet18_8f": ("47.9 % top-1", "76.4 % top-5", "17 GMACs x 1", "14.2 M"),
    "something_v1_arc_tsm_resnet50_8f": ("51.2 % top-1", "79.0 % top-5", "37 GMACs x 1", "27.0 M"),
    "something_v1_arc_tsm_resnet50_16f": ("53.4 % top-1", "81.8 % top-5", "74 GMACs x 1", "27.0 M"),
    "diving48_v1_arc_tsm_resnet18_16f": ("39.6 % top-1", "34.2 GMACs x 2", "14.2 M"),
    "diving48_v1_arc_tsm_resnet50_16f": ("42.4 % top-1", "74.2 GMACs x 2", "27.0 M"),
    "diving48_v2_arc_tsm_resnet50_16f": ("89.8 % top-1", "74.2 GMACs x 2", "27.0 M"),
    "kinetics400_arc_tsm_resnet50_8f": ("75.0 % top-1", "37 GMACs x 30"),
}
BASELINES = {
    "something_v1_tsm_resnet18_8f": "41.8 % top-1",
    "something_v1_tsm_resnet50_8f": "47.8 % top-1",
    "something_v1_tsm_resnet101_8f": "50.0 % top-1",
    "diving48_v1_tsm_resnet18_16f": "36.0 % top-1",
    "diving48_v1_tsm_resnet50_16f": "38.8 % top-1",
    "diving48_v1_tsm_resnet101_16f": "41.9 % top-1",
}


def test_each_row_of_the_tables_has_its_recipe_with_the_printed_figures() -> None:
    for name, figures in ARC_ROWS.items():
        text = get_recipe(name).description
        assert [figure for figure in figures if figure not in text] == [], name
    for name, figure in BASELINES.items():
        assert figure in get_recipe(name).description, name


@pytest.mark.parametrize("name", list_recipes())
def test_docstring_and_config(name: str) -> None:
    make = get_recipe(name)
    assert make.name == name
    text = make.description
    assert f"recircle train {name} --data" in text
    assert f"recircle eval runs/{name}" in text
    assert "recircle index" in text or "recircle tabletop" in text
    for part in ("Expected", "Hardware and time", "Settings"):
        assert f"\n{part}" in text, part
    config = make(Path("clips.csv"))
    assert config.data.manifest == Path("clips.csv")
    assert config.output == Path("runs", name)
    assert from_json(TrainConfig, to_json(config)) == config


def test_recipes_say_where_their_weights_come_from() -> None:
    for name in list_recipes():
        text, weights = get_recipe(name).description, get_recipe(name).weights
        assert (f"--model.pretrained {weights}" in text) == (weights is not None), name
        if name.startswith(("something", "diving", "kinetics")) and "_arc_" in name:
            assert weights == "imagenet", name


def test_unknown_recipe_names_those_that_come_close() -> None:
    with pytest.raises(UserError, match=r"did you mean .*something_v1_arc_tsm_resnet18_8f"):
        get_recipe("something_arc_tsm_resnet18_8f")
    with pytest.raises(UserError, match="did you mean tabletop_tsm"):
        get_recipe("tabletop-tsm")
    with pytest.raises(UserError, match="`recircle recipes` lists them"):
        get_recipe("qqq")


def test_to_list_recipes_does_not_load_torch() -> None:
    code = "import sys; from recircle.recipes import registry; assert registry.list_recipes(); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "recircle.recipes.rows.something" in modules
    assert "torch" not in modules


def test_a_start_from_scratch_is_told_where_the_figure_rests_on_weights(recwarn: pytest.WarningsRecorder) -> None:
    arc = get_recipe("something_v1_arc_tsm_resnet50_8f")
    scratch = arc(Path("clips.csv"))
    with pytest.warns(UserWarning, match="--model.pretrained imagenet"):
        warn_from_scratch(arc, scratch)
    recwarn.clear()
    pretrained = get_recipe("ut_interaction_tsm_efficientnet_lite0")(Path("clips.csv"))
    warn_from_scratch(arc, pretrained)
    warn_from_scratch(get_recipe("miracl_words_tsm"), scratch)
    assert not recwarn.list
