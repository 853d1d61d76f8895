"""The pages say what is there: their links, images, commands and code, and the site's navigation names each of them."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from recircle.cli.main import COMMANDS
from recircle.recipes.registry import list_recipes

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^    (recircle .*)$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_OBJECT = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)


@cache
def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """Return the page without its blocks of code."""
    return _FENCE.sub("", read(page))


def anchors(page: str) -> set[str]:
    """Return the anchors of the headings, as Python-Markdown makes them, and of the documented objects."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    slugs = {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}
    return slugs | set(_OBJECT.findall(read(page)))


def command_lines(page: str) -> Iterator[str]:
    """Yield what follows `recircle` in the page's code, in blocks and in lines."""
    for language, code in _FENCE.findall(read(page)):
        if language in ("", "sh", "bash", "console"):
            yield from re.findall(r"^(?:\$ )?recircle (.+)$", code, re.MULTILINE)
    yield from re.findall(r"`recircle ([^`]+)`", prose(page))
    yield from (line.removeprefix("recircle ") for line in _INDENTED.findall(prose(page)))


def navigation(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from navigation(value) if isinstance(value, list) else [value]


def test_each_page_is_in_the_navigation_once() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    named = [f"docs/{page}" for page in navigation(config["project"]["nav"])]
    assert sorted(named) == PAGES


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_links_and_images_lead_somewhere(page: str) -> None:
    for link in _LINK.findall(prose(page)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if page != "README.md":
            # a site knows nothing of what is outside its folder
            assert target.resolve().is_relative_to(DOCS), link
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT).as_posix()), link


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_commands_and_recipes_exist(page: str) -> None:
    recipes = set(list_recipes())
    for line in command_lines(page):
        name, *rest = line.split()
        assert name in COMMANDS or name in ("COMMAND", "--help", "--version"), line
        if name in ("train", "recipes") and rest and re.fullmatch(r"[a-z]\w*", rest[0]):
            # one that is imported is the reader's own
            assert rest[0] in recipes or "--import" in rest, line


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_python_code_compiles(page: str) -> None:
    for language, code in _FENCE.findall(read(page)):
        if language == "python":
            compile(code, page, "exec")


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_blocks_of_code_are_closed(page: str) -> None:
    assert len(re.findall(r"^```", read(page), re.MULTILINE)) % 2 == 0
