"""Segments: what a score over time becomes, held against plain words about each step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recircle.errors import UserError
from recircle.timelines.glimpses import Glimpses
from recircle.timelines.segments import Segment, Segmentation, cut_segments, smoothed

LABELS = ("lift", "push", "rest")


def scores(best: str, sure: float = 0.9) -> np.ndarray:
    """Return [N, 3]: a letter a second, of the class that is sure, a small one of a class that is not, . for none."""
    rows = []
    for letter in best:
        row = np.full(3, 1 / 3)
        if letter != ".":
            confidence = sure if letter.isupper() else 0.45
            row[:] = (1 - confidence) / 2
            row["lpr".index(letter.lower())] = confidence
        rows.append(row)
    return np.array(rows)


def cut(best: str, rules: Segmentation = Segmentation()) -> list[tuple[float, float, str]]:  # noqa: B008
    edges = np.arange(len(best) + 1.0)
    cells = np.stack([edges[:-1], edges[1:]], 1)
    found = cut_segments(scores(best), cells, LABELS, rules, Glimpses.none())
    return [(part.start, part.end, part.label) for part in found]


def test_equal_neighbours_are_one_segment_and_doubts_none() -> None:
    assert cut("LLL.PPpPR") == [(0, 3, "lift"), (4, 6, "push"), (7, 8, "push"), (8, 9, "rest")]
    assert cut("....") == []
    assert cut("LpL", Segmentation(threshold=0)) == [(0, 1, "lift"), (1, 2, "push"), (2, 3, "lift")]


def test_background_is_no_segment() -> None:
    assert cut("LLRRL", Segmentation(background=("rest",))) == [(0, 2, "lift"), (4, 5, "lift")]
    with pytest.raises(UserError, match="the network knows no class 'sleep'"):
        cut("L", Segmentation(background=("sleep",)))


def test_short_interruptions_are_bridged_and_short_segments_given_up() -> None:
    rules = Segmentation(shortest=2)
    assert cut("LLLL.LLL", rules) == [(0, 8, "lift")]
    assert cut("LLLLPLLL", rules) == [(0, 8, "lift")]
    assert cut("LLL..LLL", rules) == [(0, 3, "lift"), (5, 8, "lift")]
    assert cut("LLL.P.RR", rules) == [(0, 3, "lift"), (6, 8, "rest")]
    # of two that take turns, the longer one interrupts nothing
    assert cut("L.P", rules) == []


def test_the_score_is_the_mean_probability_of_the_class() -> None:
    edges = np.arange(3.0)
    found = cut_segments(
        np.array([[0.6, 0.3, 0.1], [0.8, 0.1, 0.1]]),
        np.stack([edges[:-1], edges[1:]], 1),
        LABELS,
        Segmentation(),
        Glimpses.none(),
    )
    assert found == [Segment(start=0, end=2, label="lift", score=pytest.approx(0.7))]  # pyright: ignore


def test_a_hole_in_time_parts_segments() -> None:
    cells = np.array([[0.0, 1], [1, 2], [9, 10]])
    found = cut_segments(scores("LLL"), cells, LABELS, Segmentation(shortest=0.5), Glimpses.none())
    assert [(part.start, part.end) for part in found] == [(0, 2), (9, 10)]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.sampled_from((0.0, 1.0, 2.0, 7.5)))
def test_smoothing_is_the_mean_of_what_is_near(values: list[float], seconds: float) -> None:
    column = np.array(values)[:, None]
    times = np.arange(len(values), dtype=np.float64) * 0.5
    expected = [column[np.abs(times - time) <= seconds / 2 + 1e-9].mean() for time in times]
    np.testing.assert_allclose(smoothed(column, times, seconds)[:, 0], expected)


def test_scores_that_are_no_numbers_are_no_segment() -> None:
    cells = np.array([[0.0, 1.0]])
    assert cut_segments(np.full((1, 3), np.nan), cells, LABELS, Segmentation(threshold=0), Glimpses.none()) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threshold": 1.5}, "probability"),
        ({"smoothing": -1}, "smoothing=-1"),
        ({"shortest": float("nan")}, "shortest=nan"),
    ],
)
def test_rules_out_of_range_are_told(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Segmentation(**wrong)  # pyright: ignore
