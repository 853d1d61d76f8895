"""HTML: nothing that a class or a file is called can become an element."""

from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recircle.evaluation.estimate import Estimate
from recircle.report.markup import Html, count, element, interval, join, percent, plain, safe, table
from recircle.terminal import visible_lines
from tests.report.reading import Page

NASTY = """</script><img src=x onerror=alert(1)>&amp;"'<b>"""


def test_text_is_escaped_wherever_it_stands() -> None:
    made = element("p", NASTY, title=NASTY)
    page = Page(made)
    assert [tag for tag, _ in page.elements] == ["p"]
    assert page.all("p") == [{"title": NASTY}]
    assert page.words == NASTY


@given(st.text(st.characters()))
def test_any_text_comes_back(text: str) -> None:
    assert unescape(safe(text)) == visible_lines(text)
    assert "<" not in safe(text)
    safe(text).encode()


def test_html_is_not_escaped_twice() -> None:
    inside = element("b", "a < b")
    assert element("p", inside, " & ", None) == "<p><b>a &lt; b</b> &amp; </p>"
    assert isinstance(join([inside, "&"], ", "), Html)
    assert plain(inside) == "a < b"


def test_attributes() -> None:
    made = element("input", class_="a", aria_label='"', hidden=True, checked=False, id=None, max=0)
    assert made == '<input class="a" aria-label="&quot;" hidden max="0">'
    assert element("rect", x=1) == '<rect x="1"/>'


def test_a_name_that_is_not_utf_8_does_not_stop_the_page() -> None:
    assert safe(b"caf\xe9.mp4".decode("utf-8", "surrogateescape")) == r"caf\udce9.mp4"
    assert safe("a\x00b\x1b\ud800") == r"a\x00b\x1b\ud800"


def test_figures() -> None:
    assert percent(0.1234) == "12.3\u00a0%"
    assert percent(None) == percent(float("nan")) == "–"
    assert count(1, "class", "classes") == "1 class"
    assert count(12345, "clip") == "12,345 clips"
    assert plain(interval(Estimate(value=0.5, low=0.25, high=0.75))) == "50.0\u00a0% 25.0 to 75.0"


def test_tables_tell_words_from_figures_and_titles_from_cells() -> None:
    page = Page(table("three", ("class", "taken for", "clips"), [("a<b", "c", 3)], text=(0, 1)))
    assert page.table("three") == [["a<b", "c", "3"]]
    assert [cell["class"] for cell in page.all("td") if "class" in cell] == ["figure"]
    assert [head["scope"] for head in page.all("th")] == ["col"] * 3 + ["row"]
    assert page.all("div")[0]["tabindex"] == "0"


@pytest.mark.parametrize("tag", ["img", "meta"])
def test_void_elements_are_not_closed(tag: str) -> None:
    assert "</" not in element(tag)
