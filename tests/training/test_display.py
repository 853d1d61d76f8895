"""Progress is a bar in a terminal, a line in a notebook, and lines elsewhere."""

import sys
import types
from typing import Any

import pytest

from recircle.terminal import SafeConsole
from recircle.training.display import Display, working

STEP: dict[str, Any] = {"epoch": 1, "loss": 0.5, "lr": 0.01, "clips_per_s": 10.0, "wait": 0.25}


class Handle:
    def __init__(self, shown: list[str]) -> None:
        self.shown = shown

    def update(self, line: str) -> None:
        self.shown[-1] = line


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Be a notebook; return what it shows."""
    shown: list[str] = []

    def display(line: str, display_id: bool = False) -> Handle:
        assert display_id
        shown.append(line)
        return Handle(shown)

    module = types.ModuleType("IPython.display")
    module.__dict__.update(HTML=str, display=display)
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(SafeConsole, "is_jupyter", True, raising=False)
    monkeypatch.setattr(SafeConsole, "__init__", _jupyter(SafeConsole.__init__))
    return shown


def _jupyter(original: Any) -> Any:
    def init(self: SafeConsole, **settings: Any) -> None:
        original(self, **settings)
        self.is_jupyter = True

    return init


def test_a_notebook_has_one_line_that_changes(notebook: list[str]) -> None:
    with working("reading", shown=True) as (_, bar):
        bar(1, 2)
        bar(2, 2)
    assert len(notebook) == 1
    assert "2/2 reading" in notebook[0]
    with Display(3) as display:
        for step in (1, 2, 3):
            display.step({**STEP, "step": step})
    assert len(notebook) == 2
    assert '<progress value="3" max="3"' in notebook[1]
    assert "3/3 epoch 1  loss 0.5000" in notebook[1]
    with working("nothing", shown=False) as (_, bar):
        bar(1, 1)
    assert len(notebook) == 2


def test_lines_go_where_no_bar_can(capsys: pytest.CaptureFixture[str]) -> None:
    with working("reading", shown=True) as (tell, bar):
        bar(1, 2)
        tell("20 % held out")
    with Display(3) as display:
        display.step({**STEP, "step": 1})
    assert capsys.readouterr().err.splitlines() == [
        "20 % held out",
        "step 1/3  epoch 1  loss 0.5000  lr 0.01  10.0 clips/s  waiting 25%",
    ]
