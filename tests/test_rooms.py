"""The drawing of the rooms in CONTRIBUTING.md is how they import each other."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "recircle"
NETWORKS_MAY_IMPORT = {("models", "views")}
"""What crosses the bar: a network has its preprocessing."""


@cache
def drawing() -> list[tuple[list[str], list[str]]]:
    """Return the lines of the drawing, each as the rooms left and right of the bar."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = re.search(r"```\n(cli\n.*?)```", text, re.DOTALL)
    assert block is not None
    lines = [line.partition("|") for line in block[1].splitlines()]
    return [(left.split(), right.split()) for left, _, right in lines]


@cache
def place_of(room: str) -> int:
    return next(number for number, (left, right) in enumerate(drawing()) if room in left + right)


def rooms() -> list[str]:
    modules = (path for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())
    return sorted({path.stem for path in modules} - {"__init__"})


def imports(room: str) -> set[str]:
    """Return the rooms that a room imports, wherever it does so."""
    files = [*(SOURCE / room).rglob("*.py"), *SOURCE.glob(f"{room}.py")]
    found: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                parts = node.module.split(".")
                names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
                found |= set(names) if parts[0] == "recircle" else set()
            elif isinstance(node, ast.Import):
                found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("recircle.")}
    return (found & set(rooms())) - {room}


def test_each_room_is_drawn_once_and_told_of() -> None:
    drawn = [room for left, right in drawing() for room in left + right]
    assert sorted(drawn) == rooms()
    table = re.findall(r"^\| (`.+?) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {name for cell in table for name in re.findall(r"`(\w+)`", cell)}
    foundations = set(drawing()[-1][0])
    assert told >= {room for room in rooms() if room not in foundations}


@pytest.mark.parametrize("room", rooms())
def test_imports_go_down(room: str) -> None:
    foundations = drawing()[-1][0]
    if room in foundations:
        assert imports(room) <= set(foundations)
        return
    for other in imports(room) - set(foundations):
        assert place_of(other) > place_of(room), f"{room} imports {other}, which is not below it"


def test_clips_and_networks_do_not_know_each_other() -> None:
    networks = {room for left, right in drawing() if right for room in left}
    clips = {room for _, right in drawing() for room in right}
    crossing = {(room, other) for room in networks for other in imports(room) & clips}
    crossing |= {(room, other) for room in clips for other in imports(room) & networks}
    assert crossing == NETWORKS_MAY_IMPORT
