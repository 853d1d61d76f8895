"""The pages on data sets say what the code does: their commands, numbers, recipes and links."""

import re
from pathlib import Path

import pytest

from recircle.layouts import LAYOUTS
from recircle.layouts.counts import COMPLETE
from recircle.recipes.registry import get_recipe, list_recipes

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "datasets"
PAGES = sorted(path.name for path in FOLDER.glob("*.md"))
DATA_SETS = sorted(COMPLETE)


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def page_of(layout: str) -> str:
    """Return the page of a layout: that of its name, or of the data set that it is a version of."""
    return f"{layout}.md" if f"{layout}.md" in PAGES else f"{layout.rpartition('_')[0]}.md"


@pytest.mark.parametrize("layout", DATA_SETS)
def test_each_data_set_has_its_page_with_its_numbers(layout: str) -> None:
    page, table = read(page_of(layout)), read("README.md")
    assert f"({page_of(layout)})" in table
    for numbers in COMPLETE[layout].values():
        for number in numbers:
            assert f"{number:,}" in page, number
            assert f"{number:,}" in table, number
    assert f"--layout {layout}" in page or layout in page


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_recipes_exist(page: str) -> None:
    text = read(page)
    for layout in re.findall(r"--layout (\w+)", text):
        assert layout in LAYOUTS or layout == "LAYOUT"
    known = list_recipes()
    for name in re.findall(r"recircle train (\w+)|recircle recipes (\w+)", text):
        assert "".join(name) in known
    for run in re.findall(r"recircle eval runs/(\w+)", text):
        assert run in known
    for name in re.findall(r"`((?:something|diving48|kinetics400|jester|ucf101|hmdb51|finegym)_\w*_\d+f)`", text):
        assert name in known
    for link in re.findall(r"\]\(([\w.]+)\)", text):
        assert (FOLDER / link).is_file()


@pytest.mark.parametrize("page", PAGES)
def test_protocols_are_those_of_the_recipes(page: str) -> None:
    for name, frames, clips, crops, top1 in re.findall(
        r"^\| `(\w+)` \| (\d+) x (\d+) x (\d+) \| ([\d.]+)", read(page), re.MULTILINE
    ):
        text = get_recipe(name).description
        assert f"--views {clips}x{crops}" in text
        assert f"{top1} % top-1 in the paper" in text
        assert get_recipe(name)(Path("m.csv")).data.sampling.frames == int(frames)
