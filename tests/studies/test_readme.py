"""The README's figures are those of the records, and each record can be made again."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recircle.config import read_json
from recircle.run import Run
from studies import activation_maps, inference_time, readme
from studies.inference_time import InferenceTimes
from studies.pages import block
from tests.small_run import SPEC, write_run


def test_the_readme_shows_the_records() -> None:
    """Where this fails, `python -m studies.readme` writes the README anew."""
    for name, text in readme.blocks().items():
        assert block(readme.README, name) == text


def test_no_accuracy_stands_in_the_readme_by_hand() -> None:
    text = re.sub(r"<!-- (\w+) -->.*?<!-- /\1 -->", "", readme.README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert re.findall(r"\d %", text) == []


def test_the_plot_is_that_of_the_records(tmp_path: Path) -> None:
    readme.draw(tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as made, Image.open(readme.PLOT) as shown:
        assert made.size == shown.size
        unlike = np.abs(np.asarray(made.convert("L")).astype(int) - np.asarray(shown.convert("L"))) > 40
    # fonts are drawn a little otherwise elsewhere, but a point that moves changes more
    assert unlike.mean() < 0.002


def test_the_moving_picture_is_small_and_moves() -> None:
    assert readme.PICTURE.stat().st_size < 1_000_000
    with Image.open(readme.PICTURE) as picture:
        assert picture.n_frames > 20  # pyright: ignore[reportAttributeAccessIssue]


def test_the_page_of_activation_maps_shows_its_record() -> None:
    found = read_json(activation_maps.Found, activation_maps.PATH)
    assert block(activation_maps.PAGE, "stages") == activation_maps.to_markdown(found)


def test_networks_of_one_shape_are_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    timed: list[int] = []
    interleave = inference_time.interleave
    monkeypatch.setattr(inference_time, "interleave", lambda runs, *a: timed.append(len(runs)) or interleave(runs, *a))
    found = inference_time.measure(["TSM-R18 w8", "TSM-R18 w8, 40 epochs", "TSM-R18 w16"], 2)
    assert timed == [2]
    assert torch.get_num_threads() == threads
    assert [row.system for row in found.rows] == ["TSM-R18 w8", "TSM-R18 w8, 40 epochs", "TSM-R18 w16"]
    assert found.rows[0].ms == found.rows[1].ms > 0
    assert found.machine["threads"] == 1


def test_times_are_of_all_that_the_plot_shows() -> None:
    assert {row.system for row in InferenceTimes.read().rows} == set(inference_time.SHOWN)


def test_where_things_move_is_where_a_clip_changes() -> None:
    seen, moving = activation_maps.clip_and_moving("pushing something from left to right", 0, SPEC)
    assert moving.shape == seen[:, 0].shape
    changes = seen.float().diff(dim=0).abs().amax((0, 1)).numpy()
    assert changes[moving.any(0)].mean() > 3 * changes[~moving.any(0)].mean()
    assert 0.01 < moving.mean() < 0.5


def test_stages_are_measured(tmp_path: Path) -> None:
    run = Run.open(write_run(tmp_path / "run").path)
    found = activation_maps.measure(run, clips=2, shuffled=1)
    assert len(found.stages) == 2 * len({stage.places for stage in found.stages})
    assert all(0 <= stage.on_moving <= 1 and -1 <= stage.shuffled <= 1 for stage in found.stages)
    record = tmp_path / "found.json"
    record.write_text(json.dumps(asdict(found)))
    assert read_json(activation_maps.Found, record) == found
    assert activation_maps.to_markdown(found).count("\n| ") == len(found.stages) + 1
