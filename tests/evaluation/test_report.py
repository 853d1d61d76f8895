"""The report: which parts it has, that it is JSON, and what its lines say."""

import json
from dataclasses import asdict, replace

import pytest

from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.families import measure_families
from recircle.evaluation.hierarchy import Hierarchy
from recircle.evaluation.lines import figures, report_lines
from recircle.evaluation.measure import measure
from recircle.evaluation.report import make_report
from tests.evaluation.factories import predicted, provenance, random_predictions

CLASSES = ("pour in", "pour [out]", "wave")
FAMILIES = {"pour in": "pour", "pour [out]": "pour"}
PAIRS = [("pour in", "pour [out]"), ("pour in", "pour in"), ("pour [out]", "wave"), ("wave", "wave")]
PLAIN = predicted(CLASSES, PAIRS)
GROUPED = replace(PLAIN, families=FAMILIES)


def test_only_the_parts_that_there_are() -> None:
    report = make_report(PLAIN, bootstrap=Bootstrap(resamples=10))
    assert (report.families, report.factors, report.calibration, report.comparison) == (None,) * 4
    expected = {*report.metrics.to_dict(), "classes"}
    assert set(report.to_dict()) == expected
    assert {"protocol", "clips", "top1", "top5", "mean_class", "confusion"} <= expected
    assert [name for name, _, _ in figures(report)] == ["top-1", "top-5", "mean class"]
    assert list(report_lines(report)) == [
        "most confused (true, taken for, clips):",
        "  pour in, pour [out], 1",
        "  pour [out], wave, 1",
    ]


def test_all_of_it_is_json() -> None:
    predictions = replace(random_predictions(0), families={"a": "x", "b": "x"})
    report = make_report(predictions, against=predictions, with_calibration=True, bootstrap=Bootstrap(resamples=10))
    content = json.loads(json.dumps(report.to_dict()))
    assert content["top1"] == asdict(measure(predictions, bootstrap=Bootstrap(resamples=10)).top1)
    assert content["families"]["mistakes"] == list(measure_families(predictions).mistakes)
    assert content["comparison"]["p_value"] == 1
    assert content["calibration"]["temperature"] > 0
    assert content["classes"] == list("abcdef")


def test_families_split_the_confusions() -> None:
    report = make_report(GROUPED, bootstrap=Bootstrap(resamples=10))
    assert list(report_lines(report)) == [
        "mistakes: 1 among siblings, 1 in another family; mean severity 1.50, from 1 (a sibling) to 2",
        "most confused siblings (true, taken for, clips, % of the class's):",
        "  pour in, pour [out], 1, 50",
        "most confused across families (true, taken for, clips, % of the class's):",
        "  pour [out], wave, 1, 100",
    ]
    chances = {name: chance for name, _, chance in figures(report)}
    assert chances == {
        "top-1": 1 / 3,
        "top-5": 1,
        "mean class": 1 / 3,
        "family": pytest.approx((3 * 2 / 3 + 1 / 3) / 4),
        "inside family": pytest.approx((3 / 2 + 1) / 4),
    }


def test_a_hierarchy_takes_the_place_of_the_families() -> None:
    hierarchy = Hierarchy.from_names(CLASSES, {"mood": "xyx"})
    assert [
        name for name, _, _ in figures(make_report(GROUPED, hierarchy=hierarchy, bootstrap=Bootstrap(resamples=10)))
    ][3:] == [
        "mood",
        "inside mood",
    ]


def test_a_comparison_names_gains_and_losses() -> None:
    other = predicted(CLASSES, [("pour in", "pour in")] * 2 + [("pour [out]", "wave"), ("wave", "pour in")])
    other = replace(other, provenance=provenance(precision="bf16"))
    lines = list(report_lines(make_report(PLAIN, against=other, bootstrap=Bootstrap(resamples=10))))[3:]
    assert lines[0].startswith("top-1 50.0 %, there 50.0 %: difference +0.0 points [")
    assert lines[0].endswith("(paired bootstrap), p = 1 (McNemar, exact binomial)")
    assert lines[1:] == [
        "  protocol there: 8 frames by time x 1 clip x 1 crop of 224 px from 256 px, softmax mean, bf16",
        "  what differs in it: precision",
        "  clips that only one gets right: 1 here, 1 there (--json names them)",
        "largest gains (class, clips, %, % there):",
        "  wave, 1, 100, 0",
        "largest losses (class, clips, %, % there):",
        "  pour in, 2, 50, 100",
    ]
