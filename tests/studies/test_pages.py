from pathlib import Path

import pytest

from recircle.errors import UserError
from studies.pages import block, differences_table, table, write_block
from studies.summary import difference, summarise
from tests.studies.records import record

RECORDS = [record("TSM | plain", right="1100"), record("ARC-TSM", right="1110"), record("ARC-TSM", 1, right="1111")]


def test_table_of_systems() -> None:
    lines = table(summarise(RECORDS)).splitlines()
    assert lines[0] == "| system | seeds | top-1 | GMACs | M parameters | training, minutes |"
    assert lines[2] == "| TSM \\| plain | 1 | 50.0 % | 0.0521 | 1.50 | 1.0 |"
    assert lines[3].startswith("| ARC-TSM | 2 | 87.5 % [")
    with_families = [record("a", inside=0.25)]
    assert "| 25.0 % |" in table(summarise(with_families), ("inside",), repetitions="folds")
    assert "| system | folds |" in table(summarise(with_families), ("repetitions",), repetitions="folds")


def test_table_of_differences() -> None:
    lines = differences_table([difference(RECORDS, "ARC-TSM", "TSM | plain", "top1")]).splitlines()
    assert lines[2] == "| ARC-TSM | TSM \\| plain | top-1 | +25.0 | 1 |  |"


def test_a_block_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nafter <!-- b --><!-- /b -->\n")
    write_block(page, "a", "| new |\n")
    write_block(page, "b", r"a \1 backslash")
    assert (block(page, "a"), block(page, "b")) == ("| new |", r"a \1 backslash")
    text = page.read_text()
    assert text.startswith("before\n<!-- a -->\n\n| new |\n\n<!-- /a -->\nafter ")
    write_block(page, "a", "| new |")
    assert page.read_text() == text


@pytest.mark.parametrize("text", ["", "<!-- a -->", "<!-- /a --> <!-- a -->", "<!-- a --><!-- a --><!-- /a -->"])
def test_a_page_without_the_place_is_an_error(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(UserError, match="needs <!-- a --> and, below it, <!-- /a -->"):
        write_block(page, "a", "text")
    assert page.read_text() == text
    with pytest.raises(UserError, match="cannot be read"):
        block(tmp_path / "none.md", "a")
