"""What is rendered from the row of a recipe."""

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.recipes import registry
from recircle.recipes.page import render
from recircle.recipes.recipe import Recipe
from recircle.recipes.registry import get_recipe, list_recipes, register_recipe

ROWS = [get_recipe(name) for name in list_recipes()]


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """One row more."""
    known = dict(registry._recipes())
    monkeypatch.setattr(registry, "_recipes", lambda: known)
    row = replace(get_recipe("jester_tsm_resnet50_8f"), name="jester_gsm_inceptionv3_16f", model="gsm_inceptionv3")
    row = replace(row, title="GSM-InceptionV3, 16 frames", frames=16, weights="some.pth", summary="a row more")
    register_recipe(row)
    return row


def test_a_row_is_all_that_a_recipe_needs(added: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    config = get_recipe(added.name)(Path("clips.csv"))
    assert (config.model.name, config.data.sampling.frames) == ("gsm_inceptionv3", 16)
    assert config.output == Path("runs", added.name)
    assert main(["recipes"]) == 0
    lines = [line.strip().split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [added.name, "Jester, GSM-InceptionV3, 16 frames: a row more."] in lines
    for command in (["recipes", added.name], ["train", added.name, "--help"]):
        assert main(command) == 0
        printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
        assert f"recircle train {added.name} --data JESTER --model.pretrained some.pth" in printed
        assert f"recircle eval runs/{added.name}" in printed
    assert f"| `{added.name}` | GSM-InceptionV3, 16 frames |" in render()


def test_a_name_is_taken_once(added: Recipe) -> None:
    with pytest.raises(ValueError, match="there is a recipe 'jester_gsm_inceptionv3_16f' already"):
        register_recipe(added)


def test_the_page_is_rendered_from_the_rows() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "recipes.md"
    assert page.read_text(encoding="utf-8") == render(), "run `python -m recircle.recipes.page > docs/recipes.md`"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_description_fits_into_lines(row: Recipe) -> None:
    assert all(len(line) <= 120 for line in row.description.splitlines())
    assert row.description.startswith(f"{row.headline}\n\nCommands:\n    {row.data.prepare}\n")
    assert textwrap.dedent(row.notes).strip() in row.description
    if row.paper is not None:
        assert 0 < row.paper.top1 < (row.paper.top5 or 100) <= 100


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_config_is_what_the_row_says(row: Recipe) -> None:
    config = row(Path("clips.csv"))
    assert config.model.name == row.model
    assert config.data.sampling == row.sampling()
    assert (config.data.sampling.mode == "dense") == (row.stride is not None)
