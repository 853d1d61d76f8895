"""Tables of classes and families: where in the hierarchy a network fails, and on which classes."""

from collections.abc import Sequence

from recircle.evaluation.factors import FactorAccuracy
from recircle.evaluation.families import ConfusedClasses, FamilyMetrics
from recircle.evaluation.measure import most_confused
from recircle.report.counts import Counts
from recircle.report.limits import MOST_ROWS
from recircle.report.markup import NOTHING, Html, count, element, folded, interval, join, percent, section, table

WORST = 10
"""Classes that are shown at once, of all."""


def siblings_section(
    counts: Counts,
    families: FamilyMetrics | None,
    factors: Sequence[FactorAccuracy] | None,
    key: str,
) -> Html:
    """Return the section of confused classes and families.

    Args:
        counts: of the clips.
        families: what was measured of them; None where the classes have none.
        factors: likewise of the parts of dives.
        key: of the run.
    """
    parts: list[Html] = []
    if families is None:
        pairs = [
            ConfusedClasses(
                true=counts.classes[true],
                predicted=counts.classes[predicted],
                clips=clips,
                rate=clips / int(counts.clips[true]),
            )
            for true, predicted, clips in most_confused(counts.confusion, 10)
        ]
        parts += [element("p", "The classes have no families."), _pairs("Most confused classes", pairs)]
    else:
        parts += [
            _mistakes(families),
            _pairs("Most confused siblings", families.siblings),
            _pairs("Most confused across families", families.across),
            _levels(families),
            _family_table(counts),
        ]
    if factors is not None:
        parts.append(_factor_table(factors))
    return section(3, "Siblings and families", *parts, id=f"{key}-siblings")


def classes_section(counts: Counts, key: str) -> Html:
    """Return the section of all classes, the worst first."""
    family = {n: group.name for group in counts.groups for n in group.classes if len(group.classes) > 1}
    present = [n for n in range(len(counts.classes)) if counts.clips[n]]
    worst = sorted(present, key=lambda n: (counts.right[n] / counts.clips[n], -counts.clips[n], n))
    absent = len(counts.classes) - len(present)
    rows = [
        (
            counts.classes[n],
            percent(counts.right[n] / counts.clips[n]),
            int(counts.clips[n]),
            join([f"{name} ({clips})" for name, clips in counts.taken_for(n)], ", ") or NOTHING,
            *([family.get(n, NOTHING)] if counts.has_families else []),
        )
        for n in worst
    ]
    head = ["class", "right", "clips", "taken for (clips)", *(["family"] if counts.has_families else [])]
    words = (0, 3, 4)
    parts = [table("Worst classes", head, rows[:WORST], text=words)]
    if len(rows) > WORST:
        number = count(len(rows), "class", "classes")
        what = f"All {number}" if len(rows) <= MOST_ROWS else f"The worst {MOST_ROWS:,} of {number}"
        parts.append(folded(what, table(what, head, rows[:MOST_ROWS], text=words)))
    if absent:
        parts.append(element("p", f"{count(absent, 'class', 'classes')} of the network's without a clip here."))
    return section(3, "Classes", *parts, id=f"{key}-classes")


def _mistakes(families: FamilyMetrics) -> Html:
    if families.severity is None:
        return element("p", "There are no mistakes.")
    others = [f"in another {level.level}" for level in families.levels]
    where = ", ".join(f"{clips} {where}" for clips, where in zip(families.mistakes, ["among siblings", *others]))
    worst = len(others) + 1
    return element("p", f"Mistakes: {where}. Mean severity {families.severity:.2f}, from 1 (a sibling) to {worst}.")


def _levels(families: FamilyMetrics) -> Html:
    rows = []
    for level in families.levels:
        rows.append((f"right {level.level}", interval(level.accuracy), percent(level.chance)))
        rows.append(
            (f"right class, inside the true {level.level}", interval(level.inside), percent(level.inside_chance))
        )
    return table("Of all clips", ("", "share", "chance"), rows)


def _pairs(title: str, pairs: Sequence[ConfusedClasses]) -> Html:
    if not pairs:
        return element("p", f"{title}: none.")
    rows = [(pair.true, pair.predicted, pair.clips, percent(pair.rate, 0)) for pair in pairs]
    return table(title, ("true", "taken for", "clips", "of the class"), rows, text=(0, 1))


def _family_table(counts: Counts) -> Html:
    groups = [group for group in counts.groups if group.clips]
    groups.sort(key=lambda group: group.inside / group.clips - 1 / len(group.classes))
    rows = [
        (
            group.name,
            len(group.classes),
            group.clips,
            percent(group.right / group.clips),
            percent(group.inside / group.clips),
            percent(1 / len(group.classes)),
        )
        for group in groups
    ]
    head = ("family", "classes", "clips", "right", "inside the family", "chance inside")
    whole = table("Families, those least above chance first", head, rows[:MOST_ROWS])
    if len(rows) <= 2 * WORST:
        return whole
    what = f"All {len(rows)}" if len(rows) <= MOST_ROWS else f"The first {MOST_ROWS:,} of {len(rows):,}"
    return join([table("Families least above chance", head, rows[:WORST]), folded(f"{what} families", whole)])


def _factor_table(factors: Sequence[FactorAccuracy]) -> Html:
    rows = [
        (part.factor, part.values, interval(part.accuracy), percent(part.chance), part.mistakes, part.alone)
        for part in factors
    ]
    return table(
        "Parts of the dives", ("part", "values", "right", "chance", "clips wrong in it", "in nothing else"), rows
    )
