"""The evaluation of timelines, against an implementation of its own and by hand."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recircle.errors import UserError
from recircle.evaluation.bootstrap import Bootstrap
from recircle.timelines.agreement import average_precision, edit_score, match_for_precision, overlap_counts
from recircle.timelines.evaluation import F1_OVERLAPS, MAP_OVERLAPS, Judged, evaluate_timelines
from recircle.timelines.segments import Segment
from recircle.timelines.truth import read_truth
from tests.timelines import oracle

QUICK = Bootstrap(resamples=20)
SECONDS = 24.0


def segments(parts: Sequence[oracle.Part]) -> list[Segment]:
    return [Segment(start=start, end=end, label=label, score=score) for start, end, label, score in parts]


@st.composite
def tracks(draw: st.DrawFn) -> list[oracle.Part]:
    """Return parts that do not overlap; edges are in halves of a second, and scores differ."""
    edges = sorted(draw(st.sets(st.integers(0, int(2 * SECONDS)), max_size=16)))
    pairs = list(zip(edges[::2], edges[1::2]))
    labels = draw(st.lists(st.sampled_from("abc"), min_size=len(pairs), max_size=len(pairs)))
    scores = draw(st.lists(st.integers(1, 10**6), min_size=len(pairs), max_size=len(pairs)))
    return [(a / 2, b / 2, label, score / 10**6) for (a, b), label, score in zip(pairs, labels, scores)]


def unique_scores(videos: list[tuple[list[oracle.Part], list[oracle.Part]]]) -> bool:
    scores = [part[3] for predicted, _ in videos for part in predicted]
    return len(set(scores)) == len(scores)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(tracks(), tracks()), min_size=1, max_size=4).filter(unique_scores))
def test_all_figures_are_those_of_the_definitions(pairs: list[tuple[list[oracle.Part], list[oracle.Part]]]) -> None:
    videos = [(predicted, true, SECONDS) for predicted, true in pairs]
    judged = [
        Judged(video=str(n), seconds=SECONDS, predicted=segments(predicted), true=segments(true))
        for n, (predicted, true) in enumerate(pairs)
    ]
    found = evaluate_timelines(judged, bootstrap=Bootstrap(resamples=2))
    values = {name: one.value for name, one in found.figures.items()}
    assert values["frame accuracy"] == pytest.approx(oracle.frame_accuracy(videos, 4, acting=False))
    edits = [oracle.edit([p[2] for p in predicted], [p[2] for p in true]) for predicted, true, _ in videos]
    assert values["edit score"] == pytest.approx(sum(edits) / len(edits))
    if any(predicted or true for predicted, true, _ in videos):
        for overlap in F1_OVERLAPS:
            assert values[f"F1@{100 * overlap:.0f}"] == pytest.approx(oracle.f1(videos, overlap))
    if any(true for _, true, _ in videos):
        assert values["frame accuracy in actions"] == pytest.approx(oracle.frame_accuracy(videos, 4, acting=True))
        expected = [oracle.mean_average_precision(videos, overlap) for overlap in MAP_OVERLAPS]
        assert [values[f"mAP@{overlap:g}"] for overlap in MAP_OVERLAPS] == pytest.approx(expected)
        assert values["mAP, mean of these"] == pytest.approx(sum(expected) / len(expected))


def test_what_is_as_it_was_is_right_in_all_figures() -> None:
    true = [Segment(start=1, end=3, label="a"), Segment(start=4, end=9, label="b")]
    found = evaluate_timelines(
        [Judged(video=str(n), seconds=10, predicted=true, true=true) for n in range(3)], bootstrap=QUICK
    )
    assert {(one.value, one.low, one.high) for one in found.figures.values()} == {(1.0, 1.0, 1.0)}
    assert str(found) == "3 videos, 6 true segments, 6 predicted"


def test_by_hand() -> None:
    true = [Segment(start=0, end=4, label="a"), Segment(start=6, end=8, label="b")]
    # one a in two pieces, the first of IoU 3/4, the second of 1/4; b of 1/3; and a c that never was
    guess = [
        Segment(start=0, end=3, label="a", score=0.6),
        Segment(start=3, end=4, label="a", score=0.9),
        Segment(start=7, end=9, label="b", score=0.8),
        Segment(start=9, end=10, label="c", score=0.7),
    ]
    assert overlap_counts(guess, true, 0.5) == (1, 4, 2)
    assert overlap_counts(guess, true, 0.3) == (2, 4, 2)
    # the first a takes the true one, and the second has no other
    assert overlap_counts(guess, true, 0.1) == (2, 4, 2)
    assert edit_score("aabc", "ab") == pytest.approx(0.5)
    # the sure, short one is right at 0.1; at 0.5 it is wrong, and comes before the one that is right
    found = average_precision([match_for_precision(guess, true, "a", (0.1, 0.5, 0.9))])
    assert found is not None
    assert found.tolist() == [1.0, 0.5, 0.0]
    assert average_precision([match_for_precision(guess, true, "c", (0.1,))]) is None
    figures = evaluate_timelines([Judged(video="x", seconds=10, predicted=guess, true=true)], bootstrap=QUICK).figures
    assert figures["frame accuracy"].value == pytest.approx((4 + 2 + 1) / 10)
    assert figures["frame accuracy in actions"].value == pytest.approx((4 + 1) / 6)


def test_intervals_are_over_videos() -> None:
    a = [Segment(start=0, end=5, label="a")]
    good = Judged(video="good", seconds=10, predicted=a, true=a)
    bad = Judged(video="bad", seconds=10, predicted=[], true=a)
    figure = evaluate_timelines([good, bad]).figures["F1@50"]
    assert (figure.low, figure.value, figure.high) == (0, pytest.approx(2 / 3), 1)
    values = evaluate_timelines([good, bad], bootstrap=QUICK, rules="r", protocol="p").to_dict()
    assert values["figures"]["edit score"]["value"] == 0.5
    assert (values["videos"], values["true_segments"], values["predicted_segments"]) == (2, 2, 1)


def test_the_truth_is_read_by_video(tmp_path: Path) -> None:
    table = tmp_path / "truth.csv"
    table.write_text("video;start;end;label;who\nv/b.mp4;2;4.5;push;me\nv/a.mp4;0;1;rest;me\nv/b.mp4;0;2;lift;me\n")
    truth = read_truth(table, ["lift", "push", "rest"], ["rest"])
    assert truth.of(tmp_path / "v" / "b.mp4") == [
        Segment(start=0, end=2, label="lift"),
        Segment(start=2, end=4.5, label="push"),
    ]
    assert truth.of("elsewhere/a.mp4") == []
    assert truth.of("c.mp4") is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a.mp4,0,1,fly", "line 2: the class 'fly' is none of the 1"),
        ("a.mp4,3,1,lift", "line 2: the segment ends at 1 s, and begins at 3 s"),
        ("a.mp4,x,1,lift", "line 2: start 'x' is no number of seconds"),
        (",0,1,lift", "line 2: no video is named"),
        ("a.mp4,0,3,lift\na.mp4,2,4,lift", "line 3: the segment from 2 s begins before the last one ends"),
    ],
)
def test_what_is_wrong_with_the_truth_is_told_with_its_line(rows: str, said: str, tmp_path: Path) -> None:
    table = tmp_path / "truth.csv"
    table.write_text(f"video,start,end,label\n{rows}\n")
    with pytest.raises(UserError, match=said):
        read_truth(table, ["lift"])


def test_names_that_may_mean_two_videos_are_asked(tmp_path: Path) -> None:
    table = tmp_path / "truth.csv"
    table.write_text("video,start,end,label\na/x.mp4,0,1,lift\nb/x.mp4,0,1,lift\n")
    truth = read_truth(table, ["lift"])
    assert truth.of(tmp_path / "b" / "x.mp4") is not None
    with pytest.raises(UserError, match=r"has a/x\.mp4 and b/x\.mp4"):
        truth.of("c/x.mp4")
