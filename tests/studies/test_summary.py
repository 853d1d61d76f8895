import math

import pytest
from scipy import stats

from studies.summary import (
    Spread,
    difference,
    mcnemar_pooled,
    pooled_right,
    rank_agreement,
    summarise,
)
from tests.studies.records import record


def test_spread_is_the_t_interval() -> None:
    values = [0.50, 0.54, 0.49, 0.57, 0.52]
    spread = Spread.of(values)
    low, high = stats.t.interval(0.95, 4, loc=spread.mean, scale=stats.sem(values))
    assert (spread.mean, spread.low, spread.high) == (pytest.approx(0.524), pytest.approx(low), pytest.approx(high))
    assert str(spread) == "52.4 % [48.4, 56.4]"


def test_one_value_has_no_interval() -> None:
    spread = Spread.of([0.5])
    assert (spread.low, spread.high) == (None, None)
    assert str(spread) == "50.0 %"


def test_rows_are_in_the_order_that_is_asked_for() -> None:
    records = [record("b", 0, right="1110", inside=0.8), record("a"), record("b", 1, right="1100", inside=0.6)]
    rows = summarise(records, ["a", "b", "not there"])
    assert [row.system for row in rows] == ["a", "b"]
    assert rows[1].repetitions == 2
    assert [row.arc for row in summarise([record("ARC-TSM"), record("TSM, as long as ARC")])] == [True, False]
    assert rows[1].top1.mean == pytest.approx(0.625)
    assert rows[1].inside is not None
    assert rows[1].inside.mean == pytest.approx(0.7)
    assert rows[0].inside is None
    assert rows[1].seconds == 60.5
    assert rows[0].clips_per_second == 10
    assert [row.system for row in summarise(records)] == ["b", "a"]


def test_differences_are_paired_by_seed_and_fold() -> None:
    ours = [record("a", seed, right="1" * ones + "0" * (10 - ones)) for seed, ones in enumerate((7, 8, 6, 9))]
    theirs = [record("b", seed, right="1" * ones + "0" * (10 - ones)) for seed, ones in enumerate((5, 7, 6))]
    found = difference([*theirs, *ours], "a", "b", "top1")
    assert found.pairs == 3
    assert found.mean == pytest.approx(0.1)
    assert found.p_value == pytest.approx(stats.ttest_rel([0.7, 0.8, 0.6], [0.5, 0.7, 0.6]).pvalue)  # pyright: ignore
    assert found.low is not None
    assert found.low < 0 < found.mean
    assert str(found).startswith("+10.0 [")


def test_equal_differences_and_single_pairs_need_no_variance() -> None:
    same = [record(name, seed, right="10") for name in "ab" for seed in range(3)]
    assert difference(same, "a", "b", "top1").p_value == 1
    better = [record("c", seed, right="11") for seed in range(3)]
    assert difference([*same, *better], "c", "a", "top1").p_value == 0
    single = difference([record("a"), record("b", right="11")], "b", "a", "top1")
    assert (single.mean, single.low, single.p_value) == (0.5, None, None)
    assert str(single) == "+50.0"


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([record("a")], "no record of 'b'"),
        ([record("a", 0), record("b", 1)], "share no seed and fold"),
        ([record("a"), record("b")], "both have 'inside'"),
    ],
)
def test_what_cannot_be_compared_is_named(records: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        difference(records, "a", "b", "inside")


def test_pooled_clips_count_once_each() -> None:
    records = [record("a", fold="1", right="1111"), record("a", fold="2", right="10")]
    pooled = pooled_right(records, "a")
    assert (pooled.accuracy, pooled.clips, pooled.seeds) == (pytest.approx(5 / 6), 6, 1)
    interval = stats.binomtest(5, 6).proportion_ci(method="wilson")
    assert (pooled.low, pooled.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    with pytest.raises(ValueError, match="no record"):
        pooled_right(records, "b")
    with pytest.raises(ValueError, match="seed 1, fold '2'"):
        pooled_right([*records, record("a", 1, fold="1", right="1111")], "a")


def test_mcnemar_counts_the_clips_of_shared_folds() -> None:
    here = [record("a", fold="1", right="1110"), record("a", fold="2", right="11"), record("a", fold="3", right="1")]
    there = [record("b", fold="2", right="01"), record("b", fold="1", right="1001")]
    found = mcnemar_pooled([*here, *there], "a", "b")
    assert (found.clips, found.only_here, found.only_there) == (6, 3, 1)
    assert found.p_value == pytest.approx(stats.binomtest(1, 4).pvalue)
    with pytest.raises(ValueError, match="no record of 'c'"):
        mcnemar_pooled(here, "a", "c")


def test_rank_agreement_against_scipy() -> None:
    values = {"a": [0.1, 0.2], "b": [0.3, 0.2], "c": [0.25, 0.45], "not published": [0.5, 0.5]}
    published = {"c": 3.0, "a": 1.0, "b": 4.0, "not measured": 9.0}
    found = rank_agreement(values, published)
    assert found.variants == ("c", "a", "b")
    assert found.spearman == pytest.approx(stats.spearmanr([0.35, 0.15, 0.25], [3, 1, 4])[0])
    assert found.kendall == pytest.approx(stats.kendalltau([0.35, 0.15, 0.25], [3, 1, 4])[0])
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= found.spearman <= found.high <= 1
    assert found == rank_agreement(values, published)
    single = rank_agreement({name: figures[:1] for name, figures in values.items()}, published)
    assert (single.low, single.high) == (None, None)


def test_means_that_are_equal_have_no_order() -> None:
    found = rank_agreement({"a": [0.3], "b": [0.3]}, {"a": 1, "b": 2})
    assert (found.spearman, found.kendall) == (0, 0)
    assert not math.isnan(found.spearman)


@pytest.mark.parametrize(
    ("values", "published", "message"),
    [
        ({"a": [1.0]}, {"a": 1.0, "b": 2.0}, "1 variants"),
        ({"a": [1.0], "b": [1.0, 2.0]}, {"a": 1.0, "b": 2.0}, "one figure for each seed"),
        ({"a": [1.0], "b": [2.0]}, {"a": 1.0, "b": 1.0}, "no order"),
    ],
)
def test_orders_that_cannot_be_compared(values: dict, published: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rank_agreement(values, published)
