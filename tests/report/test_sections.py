"""What stands in the sections, as functions of what was measured."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from recircle.evaluation.calibration import calibrate, expected_calibration_error, reliability_curve
from recircle.evaluation.comparison import compare_paired
from recircle.evaluation.factors import measure_factors
from recircle.evaluation.families import measure_families
from recircle.evaluation.measure import measure
from recircle.evaluation.predictions import Predictions
from recircle.report.classes import classes_section, siblings_section
from recircle.report.confusion import confusion_section, shade
from recircle.report.counts import Counts
from recircle.report.curves import curves_section
from recircle.report.paired import paired_section
from recircle.report.reliability import reliability_section
from tests.evaluation.factories import predicted, provenance, random_predictions
from tests.report.reading import Page

NASTY = ('push </script><b>"left"</b> & co', "push 'right'", "lift <i>", "tear")
FAMILIES = {NASTY[0]: "push <&>", NASTY[1]: "push <&>", NASTY[2]: "up", NASTY[3]: "up"}


def some(classes: int = 6, clips: int = 80, families: int = 2, seed: int = 0) -> Predictions:
    """Return random predictions of classes in as many families."""
    made = random_predictions(seed, clips=clips, classes=min(classes, 26))
    if classes > 26:
        rng = np.random.default_rng(seed)
        logits = rng.normal(size=(clips, 1, classes)).astype(np.float32)
        labels = rng.integers(classes, size=clips)
        made = replace(made, logits=logits, labels=labels, classes=tuple(f"class {n:03}" for n in range(classes)))
    grouped = {name: f"family {n % families}" for n, name in enumerate(made.classes)} if families else {}
    return replace(made, families=grouped)


def with_nan(predictions: Predictions) -> Predictions:
    logits = predictions.logits.copy()
    logits[0] = np.nan
    logits[1, 0, 0] = np.inf
    return replace(predictions, logits=logits)


def test_the_matrices_hold_the_confusion_matrix() -> None:
    predictions = some()
    counts, truth = Counts.of(predictions), measure(predictions).confusion
    page = Page(confusion_section(counts, "run1"))
    families = page.table("families")
    assert [row[0].rsplit(" ", 1)[0] for row in families] == ["family 0", "family 1"]
    sums = [[truth[a::2, b::2].sum() for b in (0, 1)] for a in (0, 1)]
    rates = [[f"{100 * cell / sum(row):.0f}" for cell in row] for row in sums]
    assert [row[1:] for row in families] == [
        [f"{cell}{rate}" for cell, rate in zip(*both)] for both in zip(sums, rates)
    ]
    first = page.table("family 0")
    assert [row[0] for row in first] == [f"{name} {truth[n].sum()}" for n, name in ((0, "a"), (2, "c"), (4, "e"))]
    for row, n in zip(first, (0, 2, 4)):
        wanted = [*truth[n, ::2], truth[n, 1::2].sum()]
        assert row[1:] == [f"{cell}{100 * cell / truth[n].sum():.0f}" if cell else "" for cell in wanted]


@pytest.mark.parametrize("families", [0, 2, 50])
def test_the_picture_holds_every_cell_of_174_classes(families: int) -> None:
    predictions = some(174, clips=3000, families=families)
    counts = Counts.of(predictions)
    page = confusion_section(counts, "run1")
    assert len(page) < 600_000
    Page(page)
    (found,) = re.findall(r'<script type="application/json">(.*?)</script>', page)
    content = json.loads(found)
    matrix = np.zeros((174, 174), dtype=np.int64)
    for row, column, clips in np.array(content["cells"]).reshape(-1, 3):
        matrix[row, column] = clips
    order = [predictions.classes.index(name) for name in content["names"]]
    assert np.array_equal(matrix, measure(predictions).confusion[np.ix_(order, order)])
    assert content["clips"] == matrix.sum(1).tolist()
    squares = re.findall(r"M(\d+) (\d+)h1v1h-1z", page)
    assert {(int(y), int(x)) for x, y in squares} == set(map(tuple, np.argwhere(matrix).tolist()))


def test_names_cannot_leave_their_place() -> None:
    pairs = [(a, b) for a in NASTY for b in NASTY]
    predictions = predicted(NASTY, pairs, FAMILIES, prefix="<script>'\"&")
    counts = Counts.of(predictions)
    html = confusion_section(counts, "run1")
    page = Page(html)
    assert len(page.all("b")) == 2, "the families of more than one class"
    assert page.all("i") == []
    assert html.count("</script>") == html.count("<script") == 1
    assert 'push </script><b>"left"</b> & co 4' in [row[0] for row in page.table("push <&>")]
    listed = Page(classes_section(counts, "run1"))
    assert {row[0] for row in listed.table("Worst classes")} == set(NASTY)
    siblings = Page(siblings_section(counts, measure_families(predictions), None, "run1"))
    assert {row[0] for row in siblings.table("Most confused siblings")} == set(NASTY)
    assert siblings.all("i") == siblings.all("script") == []


def test_shades_deepen_with_the_rate() -> None:
    shades = [shade(rate) for rate in np.linspace(0, 1, 101)]
    assert shades == sorted(shades)
    assert (shades[0], shades[-1]) == (1, 8)


def test_scores_that_are_not_numbers_are_told_and_never_right() -> None:
    predictions = with_nan(some())
    counts = Counts.of(predictions)
    assert counts.not_finite == 2
    assert counts.confusion.sum() == len(predictions) - 2
    assert counts.right.sum() / len(predictions) == measure(predictions).top1.value
    assert "2 clips with scores that are not numbers" in Page(confusion_section(counts, "run1")).words
    assert "2 clips with scores that are not numbers" in Page(reliability_section(predictions, None, "run1")).words


def test_inside_a_family_is_as_the_metrics_say() -> None:
    predictions = some(clips=200)
    counts, level = Counts.of(predictions), measure_families(predictions).levels[0]
    assert sum(group.inside for group in counts.groups) / 200 == pytest.approx(level.inside.value)
    page = Page(siblings_section(counts, measure_families(predictions), None, "run1"))
    assert page.table("Of all clips")[1][1:] == [
        f"{100 * level.inside.value:.1f} % {100 * level.inside.low:.1f} to {100 * level.inside.high:.1f}",
        f"{100 * level.inside_chance:.1f} %",
    ]
    families = page.table("Families")
    for row, group in zip(families, sorted(counts.groups, key=lambda g: g.inside / g.clips)):
        assert row[:3] == [group.name, "3", str(group.clips)]
        assert row[4:] == [f"{100 * group.inside / group.clips:.1f} %", "33.3 %"]


def test_the_worst_classes_come_first() -> None:
    pairs = [("a", "a"), ("a", "b"), ("b", "c"), ("b", "c"), ("b", "a"), ("c", "c")]
    page = Page(classes_section(Counts.of(predicted("abcd", pairs)), "run1"))
    assert page.table("Worst classes") == [
        ["b", "0.0 %", "3", "c (2), a (1)"],
        ["a", "50.0 %", "2", "b (1)"],
        ["c", "100.0 %", "1", "–"],
    ]
    assert "1 class of the network's without a clip here" in page.words


@pytest.mark.parametrize("families", [{}, {"only": "all"}])
def test_one_class(families: dict[str, str]) -> None:
    predictions = predicted(["only"], [("only", "only")] * 3, families)
    counts = Counts.of(predictions)
    Page(confusion_section(counts, "run1"))
    Page(classes_section(counts, "run1"))
    measured = measure_families(predictions) if families else None
    page = Page(siblings_section(counts, measured, None, "run1"))
    assert ("There are no mistakes" in page.words) == bool(families)
    Page(reliability_section(predictions, None, "run1"))


def test_classes_without_families_and_dives() -> None:
    predictions = some(families=0)
    page = Page(siblings_section(Counts.of(predictions), None, None, "run1"))
    assert "The classes have no families" in page.words
    assert len(page.table("Most confused classes")) == 10
    names = ("Back+15som+05Twis+FREE", "Back+15som+NoTwis+FREE")
    dives = predicted(names, [(names[0], names[1]), (names[1], names[1])])
    page = Page(siblings_section(Counts.of(dives), None, measure_factors(dives), "run1"))
    assert page.table("Parts of the dives")[2][0] == "twist"
    assert page.table("Parts of the dives")[2][-2:] == ["1", "1"]


def test_reliability_before_and_after_the_temperature() -> None:
    predictions = random_predictions(3, clips=400, scale=6.0)
    calibration = calibrate(predictions)
    page = Page(reliability_section(predictions, calibration, "run1"))
    before, after = (
        f"expected calibration error {100 * expected_calibration_error(predictions.scores(t), predictions.labels):.1f}"
        for t in (1, calibration.temperature)
    )
    words = page.words.replace("\u00a0", " ")
    assert before in words
    assert after in words
    assert "half of these clips" in words
    curve = reliability_curve(predictions.scores(), predictions.labels)
    assert [row[1] for row in page.table("Bins at temperature 1")] == [str(part.clips) for part in curve]
    other = replace(calibration, provenance=provenance(precision="bf16"))
    page = Page(reliability_section(predictions, other, "run1"))
    assert "for another protocol" in page.words
    assert "it differs in precision" in page.words
    assert len(page.all("svg")) == 1


def test_curves_pass_over_what_is_not_a_number() -> None:
    lines = [
        {"kind": "train", "step": 1, "epoch": 1, "loss": 3.0, "lr": 0.1},
        {"kind": "train", "step": 2, "epoch": 1, "loss": None, "lr": 0.1},
        {"kind": "val", "step": 2, "epoch": 1, "top1": 0.25, "top5": 1.0, "mean_class": 0.25},
    ]
    page = Page(curves_section({"<run>": lines}))
    assert len(page.all("polyline")) == 3
    assert "1 step with a loss that is not a number" in page.words
    assert "training has not come to its end" in page.words
    assert page.table("Validations of <run>") == [["1", "2", "25.0 %", "100.0 %", "25.0 %"]]
    assert "not recorded" in Page(curves_section({"a": []})).words
    assert "b: there is no metrics.jsonl" in Page(curves_section({"a": lines, "b": []})).words


def test_the_paired_comparison_is_that_of_the_evaluation() -> None:
    first, second = some(seed=1), some(seed=1)
    logits = second.logits.copy()
    logits[:40] = np.roll(logits[:40], 1, axis=2)
    second = replace(second, logits=logits)
    found = compare_paired(second, first)
    page = Page(paired_section([("one", first), ("two", second)]))
    rows = {row[0]: row[1] for row in page.table("On 80 clips")}
    assert rows["McNemar's test"] == f"p = {found.p_value:.2g} ({found.test})"
    assert rows["only two right"] == f"{len(found.only_here)} clips"
    assert rows["top-1"] == f"{100 * found.accuracy:.1f} % against {100 * found.against:.1f} %"
    same = Page(paired_section([("one", first), ("two", first)]))
    assert "No class gains" in same.words
    elsewhere = replace(second, paths=tuple(f"other/{path}" for path in second.paths))
    page = Page(paired_section([("one", first), ("two", elsewhere)]))
    assert "cannot be compared clip by clip: the two are not of the same clips" in page.words
