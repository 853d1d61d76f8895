"""The ways to read the numbers in the names of frames, and the one of them whose order is certain."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property, reduce
from itertools import pairwise

from recircle.decode.frame_names import FrameName

_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_MINUTES = re.compile(r"(?<!\d)\d\d[-_.:m][0-5]\d(?!\d)")
_DATED = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)([-_.]?)(?P<month>0[1-9]|1[0-2])\2(?P<day>0[1-9]|[12]\d|3[01])"
    r"(?:(?:[T _.-]|\s-\s)?(?P<hour>[01]\d|2[0-3])[-_.:h]?(?P<minute>[0-5]\d)"
    r"(?:[-_.:m]?(?P<second>[0-5]\d)(?:[-_.,s](?P<part>\d{1,9}))?)?)?(?!\d)"
)
_CLOCK = re.compile(
    r"(?<!\d)(?P<hour>\d\d)[-_.:h](?P<minute>[0-5]\d)[-_.:m](?P<second>[0-5]\d)(?:[-_.,s](?P<part>\d{1,9}))?(?!\d)"
)

# the share of equal steps from which on numbers count as a numbering, how much less that of another reading must be,
# and from which share on gaps are counted
EVEN, _CLEARLY, _GAPS = 0.75, 0.25, 0.5

Number = int | Fraction


@dataclass(frozen=True)
class Numbering:
    """One way to read the numbers: a number for each name, all of them different.

    Attributes:
        values: one for each name.
        is_time: they are made of several numbers in the name, which together are a moment.
    """

    values: tuple[Number, ...]
    is_time: bool = False

    @cached_property
    def places(self) -> tuple[int, ...]:
        """The places of the names in the order of their numbers."""
        return tuple(sorted(range(len(self.values)), key=self.values.__getitem__))

    @cached_property
    def steps(self) -> list[Number]:
        """From each number to the next larger one."""
        ordered = sorted(self.values)
        return [after - before for before, after in pairwise(ordered)]

    @cached_property
    def step(self) -> Number:
        """The commonest step, of several the smallest."""
        counts = Counter(self.steps)
        return min(counts, key=lambda step: (-counts[step], step))

    @cached_property
    def evenness(self) -> float:
        """The share of steps that are the commonest one."""
        if not self.steps:
            return 1.0
        return self.steps.count(self.step) / len(self.steps)

    @property
    def missing(self) -> int:
        """How many numbers of an even numbering are not there."""
        if self.evenness < _GAPS:
            return 0
        whole = [step / self.step for step in self.steps if step % self.step == 0]
        return int(sum(whole)) - len(whole)


def ways_to_read(names: Sequence[FrameName]) -> list[Numbering]:
    """Return the ways to read names that differ in their numbers alone: as moments, or by numbers that count them."""
    moments = _moments(names)
    if moments is not None:
        return [moments]
    columns = list(zip(*(name.tokens for name in names)))
    if all(token.isdigit() for column in columns for token in column):
        return _candidates(names, [[int(token) for token in column] for column in columns])
    return [found for reading in _readings(columns) for found in _candidates(names, reading)]


def choose(candidates: list[Numbering]) -> Numbering | None:
    """Return the reading whose order is certain."""
    if len({candidate.places for candidate in candidates}) < 2:
        return max(candidates, key=lambda candidate: candidate.evenness, default=None)
    ranked = sorted(candidates, key=lambda candidate: -candidate.evenness)
    best = ranked[0]
    rivals = [candidate for candidate in ranked if candidate.places != best.places]
    clear = best.evenness >= EVEN and rivals[0].evenness <= best.evenness - _CLEARLY
    return best if clear else None


def numbering(values: Sequence[Number], *, is_time: bool = False) -> Numbering | None:
    """Return numbers as a numbering, or None where one is there twice."""
    return Numbering(tuple(values), is_time) if len(set(values)) == len(values) else None


def never_back(column: Sequence[Number], chosen: Numbering) -> bool:
    """Tell whether other numbers of the same names never become smaller along a numbering."""
    return all(column[before] <= column[after] for before, after in pairwise(chosen.places))


def _candidates(names: Sequence[FrameName], columns: Sequence[Sequence[Number]]) -> list[Numbering]:
    """Return the ways in which columns of numbers give each name a number of its own."""
    signed = [[name.signs[place] * value for name, value in zip(names, column)] for place, column in enumerate(columns)]
    varying = [column for column in signed if len(set(column)) > 1]
    singles = [candidate for column in varying if (candidate := numbering(column)) and _agrees(candidate, varying)]
    if singles or len(varying) != 2 or len(names) < 3:
        return singles
    if any(_MINUTES.search(name.stem) is None for name in names):
        return []
    # minutes and seconds, if they go on without a break
    high, low = varying
    together = numbering([60 * minute + second for minute, second in zip(high, low)], is_time=True)
    return [together] if max(low) < 60 and together is not None and together.evenness == 1 else []


def _agrees(candidate: Numbering, columns: Sequence[Sequence[Number]]) -> bool:
    """Tell whether numbers that repeat, such as those of a scene, never go back while a numbering with breaks runs."""
    if candidate.evenness == 1:
        return True
    repeated = [column for column in columns if len(set(column)) < len(column)]
    return all(never_back(column, candidate) for column in repeated)


def _readings(columns: list[tuple[str, ...]]) -> list[list[list[Number]]]:
    """Return the columns of numbers for each way to read points and commas between digits."""
    readings: list[list[list[Number]]] = []
    if all(re.fullmatch(r"\d+(?:[.,]\d+)?", token) for column in columns for token in column):
        readings.append([[Fraction(token.replace(",", ".")) for token in column] for column in columns])
    if all(_is_thousands(column) for column in columns):
        readings.append([[int(re.sub("[.,]", "", token)) for token in column] for column in columns])
    if all(len({len(_parts(token)) for token in column}) == 1 for column in columns):
        readings.append([_in_parts(column) for column in columns])
    return readings


def _parts(token: str) -> list[str]:
    return re.split("[.,]", token)


def _in_parts(column: tuple[str, ...]) -> list[Number]:
    """Read 1.9 as what comes before 1.10."""
    base = 10 ** max(len(part) for token in column for part in _parts(token))
    return [reduce(lambda total, part: total * base + int(part), _parts(token), 0) for token in column]


def _is_thousands(column: tuple[str, ...]) -> bool:
    """Tell whether numbers may have marks of thousands: those of 1000 and more have them, and no others."""
    return all(
        (_THOUSANDS.fullmatch(token) and not token.startswith("0")) or (token.isdigit() and int(token) < 1000)
        for token in column
    )


def _moments(names: Sequence[FrameName]) -> Numbering | None:
    """Read names as dates and times, if all of them are and differ in nothing else."""
    if len(names[0].tokens) < 2:
        return None
    for kind in (_DATED, _CLOCK):
        matches = [match for name in names if (match := kind.search(name.stem))]
        if len(matches) == len(names) and len({_around(match) for match in matches}) == 1:
            seconds = [_seconds(match) for match in matches]
            moments = numbering([moment for moment in seconds if moment is not None], is_time=True)
            # without a date, what looks like a time may be three numbers, which only go on without a break by chance
            if (
                moments is not None
                and None not in seconds
                and (kind is _DATED or max(moments.steps) <= 3 * moments.step)
            ):
                return moments
    return None


def _around(match: re.Match[str]) -> tuple[str, str]:
    return match.string[: match.start()], match.string[match.end() :]


def _seconds(match: re.Match[str]) -> Fraction | None:
    """Return a moment in seconds, or None if there is no such day."""
    fields = {name: int(value) for name, value in match.groupdict().items() if value and name != "part"}
    try:
        days = date(fields["year"], fields["month"], fields["day"]).toordinal() if "year" in fields else 0
    except ValueError:
        return None
    seconds = ((days * 24 + fields.get("hour", 0)) * 60 + fields.get("minute", 0)) * 60 + fields.get("second", 0)
    return seconds + Fraction(f"0.{match['part'] or 0}")
