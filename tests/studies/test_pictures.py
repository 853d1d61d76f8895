from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studies.pictures import dots, scatter
from studies.summary import summarise
from tests.studies.records import record

ROWS = summarise(
    [
        record("TSM", 0, right="1100", inside=0.5),
        record("TSM", 1, right="1110", inside=0.6),
        record("ARC-TSM", 0, right="1110", inside=0.7),
        record("no family", 0),
    ]
)


def test_dots_are_drawn_the_same_each_time(tmp_path: Path) -> None:
    for name in "ab":
        dots(ROWS, tmp_path / f"{name}.png", figure="inside", title="Title", chance=0.25, baseline="TSM")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.size[0] > 800
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 10


@pytest.mark.parametrize("cost", ["gmacs", "seconds", "clips_per_second"])
def test_scatter_of_each_cost(tmp_path: Path, cost: str) -> None:
    scatter(ROWS, tmp_path / "folder" / "a.png", figure="top1", x=cost, title="Title")  # pyright: ignore[reportArgumentType]
    assert (tmp_path / "folder" / "a.png").stat().st_size < 100_000


def test_no_figure_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"):
        dots(ROWS[2:], tmp_path / "a.png", figure="inside", title="Title")
