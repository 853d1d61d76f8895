"""The sweep of windows: what is there is not done again, and any part of it has a table and a picture."""

from dataclasses import replace
from pathlib import Path

import pytest

from recircle.config import read_json
from recircle.tabletop import CLASSES, LongConfig
from studies import timeline_sweep
from studies.pages import block
from studies.timeline_sweep import Sweeps, blocks, draw, sweep
from studies.timeline_windows import ARC, HOST, PAGE, PICTURE, SWEEPS
from tests.small_run import SPEC, write_run


def test_the_page_shows_the_records() -> None:
    found = read_json(Sweeps, SWEEPS)
    for name, text in blocks(found, (HOST, ARC)).items():
        assert block(PAGE, name) == text.strip()
    assert PICTURE.is_file()


def test_each_setting_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_sweep, "SETTINGS", ((2.0, 0.5), (2.0, 1.0)))
    monkeypatch.setattr(timeline_sweep, "TEST", LongConfig.of("tiny", videos=2, seconds=12))
    monkeypatch.setattr(timeline_sweep, "CHOICE", LongConfig.of("tiny", videos=1, seconds=12, split="train"))
    run = write_run(tmp_path / "run", replace(SPEC, labels=tuple(CLASSES), families={}))
    path = tmp_path / "sweep.json"
    found = sweep(path, "command", {("TSM", 0): run.path}, tmp_path / "data")
    assert [(one.window, one.stride, one.videos) for one in found.records] == [(2, 0.5, 2), (2, 1, 2)]
    before = path.read_bytes()
    both = {("TSM", 0): run.path, ("ARC", 0): run.path}
    again = sweep(path, "command", both, tmp_path / "data")
    assert again.records[:2] == found.records
    assert len(again.records) == 4
    assert path.read_bytes() != before
    # the same weights find the same
    assert again.records[2].figures == found.records[0].figures
    text = blocks(again, ("TSM", "ARC"))["windows"]
    assert text.count("| TSM |") == 2
    assert "nan" not in text
    draw(again, ("TSM", "ARC"), tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
