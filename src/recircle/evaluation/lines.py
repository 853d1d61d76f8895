"""A report in lines to print."""

from collections.abc import Iterator, Sequence

from recircle.evaluation.calibration import Calibration
from recircle.evaluation.comparison import PairedComparison
from recircle.evaluation.estimate import Estimate
from recircle.evaluation.factors import FactorAccuracy
from recircle.evaluation.families import FamilyMetrics
from recircle.evaluation.measure import most_confused
from recircle.evaluation.report import Report

LISTED = 5
"""Classes and clips that are named, of all that there are."""


def figures(report: Report) -> list[tuple[str, Estimate, float]]:
    """Return each figure with its name and what a guess would reach, from classes to the coarsest level."""
    levels = report.families.levels if report.families is not None else ()
    tables = [("", report.metrics.figures), *((level.level, level.figures) for level in levels)]
    rows = [(level, row) for level, table in tables for row in table.rows]
    return [(row.metric.title.format(level=level), row.estimate, row.chance) for level, row in rows]


def report_lines(report: Report) -> Iterator[str]:
    """Yield all that stands below the figures: confusions, families, factors, calibration and comparison."""
    if report.families is not None:
        yield from family_lines(report.families)
    else:
        confused = most_confused(report.metrics.confusion)
        yield from _listed("most confused (true, taken for, clips):", [_named(report, pair) for pair in confused])
    if report.factors is not None:
        yield from factor_lines(report.factors)
    if report.calibration is not None:
        yield from calibration_lines(report.calibration)
    if report.comparison is not None:
        yield from comparison_lines(report.comparison)


def family_lines(families: FamilyMetrics) -> Iterator[str]:
    """Say where in the hierarchy the mistakes are, and which siblings are confused."""
    if families.severity is None:
        return
    others = [f"in another {level.level}" for level in families.levels]
    parts = ", ".join(f"{clips} {where}" for clips, where in zip(families.mistakes, ["among siblings", *others]))
    yield f"mistakes: {parts}; mean severity {families.severity:.2f}, from 1 (a sibling) to {len(others) + 1}"
    for where, pairs in (("siblings", families.siblings), ("across families", families.across)):
        yield from _listed(
            f"most confused {where} (true, taken for, clips, % of the class's):",
            [f"{pair.true}, {pair.predicted}, {pair.clips}, {100 * pair.rate:.0f}" for pair in pairs],
        )


def factor_lines(factors: Sequence[FactorAccuracy]) -> Iterator[str]:
    """Say how well each factor is recognised, and what the mistakes are about."""
    yield "factors of the dives (%, chance, clips wrong in it, in nothing else):"
    for part in factors:
        yield f"  {part.factor}: {part.accuracy}, {100 * part.chance:.1f}, {part.mistakes}, {part.alone}"


def calibration_lines(calibration: Calibration) -> Iterator[str]:
    """Say which temperature was found, and what it does on the clips that it was not fitted on."""
    errors = f"{100 * calibration.ece_before:.1f} % -> {100 * calibration.ece_after:.1f} %"
    yield (
        f"temperature {calibration.temperature:.3f}, fitted on {calibration.fitted_on} clips; on the other "
        f"{calibration.tried_on}: expected calibration error {errors} ({calibration.bins} bins), negative "
        f"log-likelihood {calibration.nll_before:.3f} -> {calibration.nll_after:.3f}"
    )


def comparison_lines(comparison: PairedComparison) -> Iterator[str]:
    """Say which of two networks is better, how sure that is, and on which classes."""
    difference = comparison.difference
    yield (
        f"top-1 {100 * comparison.accuracy:.1f} %, there {100 * comparison.against:.1f} %: difference "
        f"{100 * difference.value:+.1f} points [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}] "
        f"(paired bootstrap), p = {comparison.p_value:.2g} (McNemar, {comparison.test})"
    )
    if comparison.differing:
        yield f"  protocol there: {comparison.protocols[1]}"
        yield f"  what differs in it: {', '.join(comparison.differing)}"
    only_here, only_there = len(comparison.only_here), len(comparison.only_there)
    yield f"  clips that only one gets right: {only_here} here, {only_there} there (--json names them)"
    better = [gain for gain in comparison.gains if gain.gain > 0][:LISTED]
    worse = [gain for gain in comparison.gains if gain.gain < 0][-LISTED:]
    for title, gains in (("gains", better), ("losses", worse[::-1])):
        yield from _listed(
            f"largest {title} (class, clips, %, % there):",
            [f"{gain.name}, {gain.clips}, {100 * gain.accuracy:.0f}, {100 * gain.against:.0f}" for gain in gains],
        )


def _named(report: Report, pair: tuple[int, int, int]) -> str:
    true, predicted, clips = pair
    return f"{report.classes[true]}, {report.classes[predicted]}, {clips}"


def _listed(title: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield title
    yield from (f"  {item}" for item in items)
