"""The study of wrong labels: what is flipped, its figures, and that the page shows its records."""

from pathlib import Path

import numpy as np
import pytest

from recircle.manifest.manifest import Clip, Manifest
from studies.pages import block
from studies.suspects import PAGE, RESULT, Flips, flip_labels, read, tables, wilson, write


def test_one_label_in_twenty_is_flipped_with_its_family() -> None:
    clips = tuple(Clip(path=f"{n}.mp4", label="abcd"[n % 4], parent="xxyy"[n % 4], frames=1) for n in range(80))
    flipped, chosen = flip_labels(Manifest(clips, Path()), 3)
    changed = np.array([one.label != other.label for one, other in zip(clips, flipped.clips)])
    assert chosen.sum() == 4
    np.testing.assert_array_equal(changed, chosen)
    assert flipped.families == {"a": "x", "b": "x", "c": "y", "d": "y"}
    np.testing.assert_array_equal(flip_labels(Manifest(clips, Path()), 3)[1], chosen)


def test_the_interval() -> None:
    # of Newcombe (1998), table I: 81 of 263
    assert wilson(81, 263) == pytest.approx((0.3080, 0.2553, 0.3662), abs=1e-4)


def test_the_page_shows_the_records() -> None:
    flips, distances = read(RESULT)
    for name, text in tables(flips, distances).items():
        if flips:
            assert block(PAGE, name) == text


def test_records_come_back(tmp_path: Path) -> None:
    one = Flips(
        data="x",
        seed=1,
        clips=100,
        flipped=5,
        hits=4,
        hits_by_margin=3,
        suspected=8,
        suspected_hits=5,
        estimated=6.5,
        top1=0.75,
        epochs=3,
        machine="m",
        threads=1,
        commit="c",
        date="2026-01-01T00:00",
    )
    write(tmp_path / "r.json", [one], [])
    assert read(tmp_path / "r.json") == ([one], [])
    assert "4 of 5: 80 % [38, 96]" in tables([one], [])["flips"]
    assert read(tmp_path / "none.json") == ([], [])
