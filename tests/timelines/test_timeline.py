"""Timelines as values and as files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recircle.errors import UserError
from recircle.timelines.timeline import Timeline
from tests.timelines.factories import make_timeline


def test_a_saved_timeline_comes_back(tmp_path: Path) -> None:
    timeline = make_timeline("LLPP", notes=("1 frame left out",))
    timeline.save(tmp_path / "deep" / "one.timeline")
    back = Timeline.load(tmp_path / "deep" / "one.timeline")
    for name in ("starts", "ends", "frames", "logits", "probabilities", "cells"):
        np.testing.assert_array_equal(getattr(back, name), getattr(timeline, name))
    for name in ("video", "seconds", "window", "stride", "labels", "families", "provenance", "notes", "network"):
        assert getattr(back, name) == getattr(timeline, name)
    assert back.segments() == timeline.segments()
    assert str(back) == "clip.mp4: 4 windows of 2 s, each 1 s, over 5.0 s"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nothing", b"no timeline"])
def test_another_file_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.timeline").write_bytes(content)
    with pytest.raises(UserError, match="is not a timeline"):
        Timeline.load(tmp_path / "x.timeline")
    with pytest.raises(UserError, match="cannot be read"):
        Timeline.load(tmp_path / "none")


def test_cells_part_the_time_between_neighbours() -> None:
    timeline = make_timeline("LLPP")
    np.testing.assert_allclose(timeline.cells, [[0, 1.5], [1.5, 2.5], [2.5, 3.5], [3.5, 5]])


def test_over_a_hole_windows_speak_for_their_own_length_only() -> None:
    timeline = make_timeline("LL")
    far = replace(timeline, starts=np.array([0.0, 60]), ends=np.array([2.0, 62]), seconds=62.0)
    np.testing.assert_allclose(far.cells, [[0, 2], [60, 62]])


def test_without_windows_nothing_happens() -> None:
    timeline = make_timeline("")
    assert (len(timeline), timeline.cells.shape, timeline.segments()) == (0, (0, 2), [])


def test_shapes_that_do_not_fit_are_told() -> None:
    with pytest.raises(ValueError, match="must be \\[3 windows, views, 2 classes\\]"):
        replace(make_timeline("LL"), starts=np.zeros(3))
