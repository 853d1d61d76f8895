"""Runs against the first one, clip by clip."""

from collections.abc import Sequence

from recircle.errors import UserError
from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.comparison import ClassGain, PairedComparison, compare_paired
from recircle.evaluation.predictions import Predictions
from recircle.report.limits import MOST_ROWS
from recircle.report.markup import Html, count, element, folded, join, note, percent, section, table

LISTED = 8
"""Classes that gain, and classes that lose, shown at once."""


def paired_section(predictions: Sequence[tuple[str, Predictions]], bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Html:
    """Return the section that compares each run with the first.

    Args:
        predictions: of each run, with its name.
        bootstrap: of the differences' intervals.
    """
    (first, against), *others = predictions
    parts: list[Html] = []
    for name, part in others:
        title = f"{name} against {first}"
        try:
            found = compare_paired(part, against, bootstrap)
        except UserError as error:
            parts.append(section(3, title, note(f"They cannot be compared clip by clip: {error}.")))
        else:
            parts.append(section(3, title, *describe(found, name, first)))
    return section(2, "Paired comparison", *parts, id="paired")


def describe(found: PairedComparison, name: str, first: str) -> list[Html]:
    """Return which of two networks is better, how sure that is, and on which classes."""
    difference = found.difference
    points = f"{100 * difference.value:+.1f} points [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
    sure = "the interval holds 0" if difference.low <= 0 <= difference.high else "the interval does not hold 0"
    rows = [
        ("top-1", f"{percent(found.accuracy)} against {percent(found.against)}"),
        ("difference, paired bootstrap", f"{points}; {sure}"),
        ("McNemar's test", f"p = {found.p_value:.2g} ({found.test})"),
        (f"only {name} right", count(len(found.only_here), "clip")),
        (f"only {first} right", count(len(found.only_there), "clip")),
    ]
    parts = [table(f"On {count(found.clips, 'clip')}", (), rows, text=(0, 1))]
    if found.differing:
        differs, (here, there) = ", ".join(found.differing), found.protocols
        parts.append(note(f"The protocols differ in {differs}: {here}; {first}: {there}."))
    better = [gain for gain in found.gains if gain.gain > 0]
    worse = [gain for gain in found.gains if gain.gain < 0][::-1]
    for what, gains in (("gain", better), ("lose", worse)):
        title = f"{count(len(gains), 'class', 'classes')} {what}{'s' if len(gains) == 1 else ''}"
        if not gains:
            parts.append(element("p", f"No class {what}s."))
            continue
        parts.append(_gains(f"{title}, most first" if len(gains) > 1 else title, gains[:LISTED], name, first))
        if len(gains) > LISTED:
            what = f"All {len(gains)}" if len(gains) <= MOST_ROWS else f"The first {MOST_ROWS:,}"
            parts.append(folded(what, _gains(title, gains[:MOST_ROWS], name, first)))
    for only, paths in ((name, found.only_here), (first, found.only_there)):
        if paths:
            listed = element("ul", *(element("li", path) for path in paths[:200]), class_="paths")
            more = element("p", f"and {len(paths) - 200} more") if len(paths) > 200 else None
            parts.append(folded(join(["Clips that only ", element("b", only), " gets right"]), listed, more))
    return parts


def _gains(title: str, gains: Sequence[ClassGain], name: str, first: str) -> Html:
    rows = [
        (gain.name, gain.clips, f"{100 * gain.gain:+.0f}", percent(gain.accuracy, 0), percent(gain.against, 0))
        for gain in gains
    ]
    return table(title, ("class", "clips", "points", name, first), rows)
