"""The images of a folder as one series in time: which of them are frames, and in which order, by their names alone."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property, reduce
from itertools import pairwise

from recircle.decode.companions import is_made_of_frames
from recircle.decode.natural import natural_key

# a picture of the whole clip, by the names that players and downloaders give to it
_COVERS = re.compile(
    r"thumb|poster|cover|preview|folder|contact|sheet|sprite|icon|logo|storyboard|artwork|fanart", re.I
)
# digits, and further ones behind a point or comma: a decimal, thousands, or a version
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)*)")
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_MINUTES = re.compile(r"(?<!\d)\d\d[-_.:m][0-5]\d(?!\d)")
# between these and a number, a hyphen is nothing but a sign
_APART = tuple("_=([{:@")
_SIGNS = {"-": -1, "\N{MINUS SIGN}": -1, "+": 1}
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
_EVEN, _CLEARLY, _GAPS = 0.75, 0.25, 0.5

Number = int | Fraction


@dataclass(frozen=True)
class Series:
    """What the names of a folder's images say.

    Attributes:
        names: the frames, in their order in time; none if there is a fault.
        covers: images that are not frames: pictures of the whole clip, and what was made of the frames.
        remark: what was decided that could be wrong, or what is missing; empty if nothing.
        fault: why the names do not say one order; empty if they do.
    """

    names: tuple[str, ...]
    covers: tuple[str, ...] = ()
    remark: str = ""
    fault: str = ""


def arrange(names: Iterable[str]) -> Series:
    """Bring the images of a folder into their order in time, or say why their names tell none.

    The result does not depend on the order in which names come. Numbers may have signs, decimals, marks of thousands,
    leading zeros, and be dates and times. An order is taken only if all ways to read the names agree on it, or if one
    of them numbers the images evenly and no other does. Several series are a fault that counts them, unless the names
    of all but one say that they are optical flow, masks and the like.
    """
    names = list(names)
    plain = _counted(names)
    if plain is not None:
        return plain
    parsed = sorted((_Name(name) for name in names), key=lambda name: natural_key(name.text))
    numbered = [name for name in parsed if name.tokens]
    others = [name for name in parsed if not name.tokens]
    if len(parsed) < 2:
        return Series(tuple(name.text for name in parsed))
    if not numbered:
        return _unnumbered(others)
    found, covers = _one_series(numbered)
    if found is None:
        rest = [_Name(name.text) for name in numbered if not name.is_companion]
        if rest and len(rest) < len(numbered):
            found, covers = _one_series(rest)
            covers = [*covers, *(name for name in numbered if name.is_companion)]
    only_covers = all(name.is_cover for name in others)
    if found is None or (others and not only_covers and (len(others) > 1 or len(found.order) == 1)):
        return Series((), fault=_several(parsed))
    first = next((name for name in others if name.may_begin(found.order)), None)
    if first is not None:
        return Series(
            (),
            fault=f"{first.text} has no number, and may be the first frame or none of {_range(found.order)}; "
            "give it a number or take it out of the folder",
        )
    left = [name.text for name in (*others, *covers)]
    remarks = [f"{_patterns([*others, *covers])} left out beside the frames {_range(found.order)}"] if left else []
    remarks += [found.remark] if found.remark else []
    if all(name.is_companion for name in found.order):
        remarks.append(f"by their names {_range(found.order)} are not frames, but made of frames")
    return Series(tuple(name.text for name in found.order), tuple(left), "; ".join(remarks))


def _counted(names: list[str]) -> Series | None:
    """Arrange names that differ in one whole number alone, as nearly all do; None leaves them to the long way."""
    match = re.fullmatch(r"(|\D*[\w.( ]|\D*[^\W\d_]-)(\d+)(\D*)", names[0]) if names else None
    if match is None:
        return None
    before, _, after = match.groups()
    start, end = len(before), len(after)
    if is_made_of_frames(f"{before} {after.rpartition('.')[0]}"):
        return None
    digits = [name[start : len(name) - end] for name in names if name.startswith(before) and name.endswith(after)]
    if len(digits) < len(names) or not all(map(str.isdigit, digits)):
        return None
    values = _candidate([int(number) for number in digits])
    if values is None:
        return None
    ordered = [names[place] for place in values.places]
    return Series(tuple(ordered), remark=_gap(values, ordered))


def runs(names: Iterable[str], least: int = 3) -> list[str]:
    """Return the names that belong to a series of numbered images, of which there are `least` or more in each."""
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for name in map(_Name, names):
        if name.tokens:
            groups[name.texts, name.suffix].append(name.text)
    return [name for group in groups.values() if len(group) >= least for name in group]


class _Name:
    """A file's name, taken apart: texts and numbers in turn, and its suffix."""

    def __init__(self, text: str) -> None:
        self.text = text
        stem, dot, suffix = text.rpartition(".")
        if not dot or not stem or suffix.isdigit():
            stem, suffix = text, ""
        self.stem = stem
        self.suffix = suffix.lower()
        pieces = _NUMBER.split(stem)
        self.texts = tuple(piece.casefold() for piece in pieces[::2])
        self.tokens = tuple(pieces[1::2])
        self.signs: tuple[int, ...] = (1,) * len(self.tokens)

    @property
    def is_cover(self) -> bool:
        return _COVERS.search(self.stem) is not None

    @property
    def is_companion(self) -> bool:
        """Whether the name says that the image is not a frame, but was made of one."""
        return is_made_of_frames(self.stem)

    @property
    def pattern(self) -> str:
        """The name with # for its numbers."""
        return _NUMBER.sub("#", self.stem) + (f".{self.suffix}" if self.suffix else "")

    def may_begin(self, order: Sequence["_Name"]) -> bool:
        """Tell whether this name without a number is how copies are named: "a.jpg", "a (2).jpg", "a (3).jpg"."""
        stem = self.texts[0].rstrip(" _-.(")
        return bool(stem) and all(name.texts[0].rstrip(" _-.(") == stem for name in order)


@dataclass(frozen=True)
class _Found:
    order: list[_Name]
    remark: str = ""


@dataclass(frozen=True)
class _Candidate:
    """One way to read the numbers: a number for each name, all of them different.

    Attributes:
        values: one for each name.
        is_time: they are made of several numbers in the name, which together are a moment.
    """

    values: tuple[Number, ...]
    is_time: bool = False

    @cached_property
    def places(self) -> tuple[int, ...]:
        return tuple(sorted(range(len(self.values)), key=self.values.__getitem__))

    @cached_property
    def steps(self) -> list[Number]:
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


def _unnumbered(names: list[_Name]) -> Series:
    covers = [name for name in names if name.is_cover]
    frames = [name for name in names if not name.is_cover] or names
    if len({name.stem.casefold() for name in frames}) < len(frames):
        return Series((), fault=_several(names))
    left = [name.text for name in covers] if len(frames) < len(names) else []
    remarks = [f"{_list(left)} left out: not a frame"] if left else []
    if len(frames) > 1:
        remarks.append("no name has a number, so that frames are in the order of their names")
    return Series(tuple(name.text for name in frames), tuple(left), "; ".join(remarks))


def _one_series(names: list[_Name]) -> tuple[_Found | None, list[_Name]]:
    """Return the one series that all names are of, or None; and the covers that have a number in their name."""
    _find_signs(names)
    groups: dict[Hashable, list[_Name]] = defaultdict(list)
    for name in names:
        groups[name.texts].append(name)
    if len(groups) > 1:
        covers = [name for name in names if name.is_cover and len(groups[name.texts]) == 1]
        if covers and len({name.texts for name in names if name not in covers}) == 1:
            found, _ = _one_series([name for name in names if name not in covers])
            return found, covers
        return _across(names), []
    if len(names) == 1:
        return _Found(names), []
    return _in_order(names), []


def _find_signs(names: list[_Name]) -> None:
    """Take a hyphen before a number for its sign where it is one, and out of the text."""
    templates = {name.texts for name in names}
    zeros = {name.texts for name in names if any(not token.strip("0.,") for token in name.tokens)}
    for name in names:
        texts, signs = list(name.texts), list(name.signs)
        for place in range(len(name.tokens)):
            text = texts[place]
            if text[-1:] not in _SIGNS or (place and len(text) == 1):
                continue
            bare = (*texts[:place], text[:-1], *texts[place + 1 :])
            # "a-1" beside "a1" could be another series, but not where "a0" lies between the two
            opposite = text[:-1] + ("-" if text[-1] == "+" else "+")
            both = (*texts[:place], opposite, *texts[place + 1 :]) in templates
            mixed = both or (bare in templates and (len(text) == 1 or bare in zeros))
            if mixed or text[-2:-1] in _APART:
                signs[place] = _SIGNS[text[-1]]
                texts[place] = text[:-1]
        name.texts, name.signs = tuple(texts), tuple(signs)


def _across(names: list[_Name]) -> _Found | None:
    """Order names of which the text differs too: by the one number that numbers all of them, or as hexadecimals."""
    if len({name.suffix for name in names}) == 1:
        stems = [name.stem.lower() for name in names]
        start = len(_common(stems))
        end = len(_common([stem[start:][::-1] for stem in stems]))
        digits = [stem[start : len(stem) - end] for stem in stems]
        if all(re.fullmatch("[0-9a-f]+", part) for part in digits):
            hexadecimal = _candidate([int(part, 16) for part in digits])
            if hexadecimal and hexadecimal.evenness == 1 and len(names) > 2:
                return _Found([names[place] for place in hexadecimal.places], "numbers are read as hexadecimal")
    for token, rest in ((0, _after_first), (-1, _before_last)):
        texts = [rest(name) for name in names]
        plain = all(name.tokens[token].isdigit() for name in names)
        values = _candidate([int(name.tokens[token]) for name in names]) if plain else None
        same = len({name.texts[token] for name in names}) == 1
        # texts that are all different are times, checksums and the like; the same few again are series
        if values and same and values.evenness >= _EVEN and len(set(texts)) == len(texts) and len(names) > 2:
            order = [names[place] for place in values.places]
            return _Found(order, _gap(values, [name.text for name in order]))
    return None


def _after_first(name: _Name) -> str:
    return "".join(_NUMBER.split(name.stem)[2:])


def _before_last(name: _Name) -> str:
    return "".join(_NUMBER.split(name.stem)[:-2])


def _in_order(names: list[_Name]) -> _Found | None:
    """Order names that differ in their numbers alone, if these say one order."""
    suffixes = Counter(name.suffix for name in names)
    columns = list(zip(*(name.tokens for name in names)))
    if names[0].texts[0] in _SIGNS:  # all of them: numbers below zero, or a name that is left out before the hyphen
        return None
    moments = _moments(names)
    if moments is not None:
        candidates = [moments]
    elif all(token.isdigit() for column in columns for token in column):
        candidates = _candidates(names, [[int(token) for token in column] for column in columns])
    else:
        candidates = [found for reading in _readings(columns) for found in _candidates(names, reading)]
    chosen = _choose(candidates)
    if chosen is None:
        return None
    if len(suffixes) > 1 and chosen.evenness < 1:
        return None  # two series that go on, each in its own numbers
    order = [names[place] for place in chosen.places]
    remarks = []
    if len({candidate.places for candidate in candidates}) > 1:
        remarks.append(f"of several ways to read the names, the one that counts evenly is taken: {_range(order)}")
    if not chosen.is_time and not all(_runs_with(names, place, chosen) for place in range(len(columns))):
        remarks.append(f"a further number in the names does not run with their order, {_range(order)}")
    remarks.append(_gap(chosen, [name.text for name in order]))
    return _Found(order, "; ".join(filter(None, remarks)))


def _gap(chosen: _Candidate, order: Sequence[str]) -> str:
    if not chosen.missing:
        return ""
    count = "1 number is" if chosen.missing == 1 else f"{chosen.missing} numbers are"
    return f"{count} missing between {order[0]} and {order[-1]}"


def _runs_with(names: list[_Name], place: int, chosen: _Candidate) -> bool:
    """Tell whether numbers that repeat, such as those of a camera, never go back along the order."""
    tokens = [name.tokens[place] for name in names]
    if len(set(tokens)) == len(tokens) or any(-1 in name.signs for name in names):
        return True
    return not all(token.isdigit() for token in tokens) or _never_back([int(token) for token in tokens], chosen)


def _never_back(column: Sequence[Number], chosen: _Candidate) -> bool:
    return all(column[before] <= column[after] for before, after in pairwise(chosen.places))


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


def _candidates(names: list[_Name], columns: Sequence[Sequence[Number]]) -> list[_Candidate]:
    """Return the ways in which columns of numbers give each name a number of its own."""
    signed = [[name.signs[place] * value for name, value in zip(names, column)] for place, column in enumerate(columns)]
    varying = [column for column in signed if len(set(column)) > 1]
    singles = [candidate for column in varying if (candidate := _candidate(column)) and _agrees(candidate, varying)]
    if singles or len(varying) != 2 or len(names) < 3:
        return singles
    if any(_MINUTES.search(name.stem) is None for name in names):
        return []
    # minutes and seconds, if they go on without a break
    high, low = varying
    together = _candidate([60 * minute + second for minute, second in zip(high, low)], is_time=True)
    return [together] if max(low) < 60 and together is not None and together.evenness == 1 else []


def _agrees(candidate: _Candidate, columns: Sequence[Sequence[Number]]) -> bool:
    """Tell whether numbers that repeat, such as those of a scene, never go back while a numbering with breaks runs."""
    if candidate.evenness == 1:
        return True
    repeated = [column for column in columns if len(set(column)) < len(column)]
    return all(_never_back(column, candidate) for column in repeated)


def _candidate(values: Sequence[Number], *, is_time: bool = False) -> _Candidate | None:
    return _Candidate(tuple(values), is_time) if len(set(values)) == len(values) else None


def _choose(candidates: list[_Candidate]) -> _Candidate | None:
    """Return the reading whose order is certain."""
    if len({candidate.places for candidate in candidates}) < 2:
        return max(candidates, key=lambda candidate: candidate.evenness, default=None)
    ranked = sorted(candidates, key=lambda candidate: -candidate.evenness)
    best = ranked[0]
    rivals = [candidate for candidate in ranked if candidate.places != best.places]
    clear = best.evenness >= _EVEN and rivals[0].evenness <= best.evenness - _CLEARLY
    return best if clear else None


def _moments(names: list[_Name]) -> _Candidate | None:
    """Read names as dates and times, if all of them are and differ in nothing else."""
    if len(names[0].tokens) < 2:
        return None
    for kind in (_DATED, _CLOCK):
        matches = [match for name in names if (match := kind.search(name.stem))]
        if len(matches) == len(names) and len({_around(match) for match in matches}) == 1:
            seconds = [_seconds(match) for match in matches]
            moments = _candidate([moment for moment in seconds if moment is not None], is_time=True)
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


def _several(names: Collection[_Name]) -> str:
    """Say which series lie in a folder, each with its count."""
    twice = _twice(names)
    if twice:
        return f"a number is there twice: {twice[0].text} and {twice[1].text}; keep one of each frame in the folder"
    if len({name.pattern for name in names}) == 1:
        return _one_pattern(list(names))
    return (
        f"holds {len(names)} images that do not form one series: {_patterns(names)}; "
        "leave one series in the folder, or give each a folder of its own"
    )


def _patterns(names: Collection[_Name]) -> str:
    """Count names by what they are without their numbers."""
    counts = Counter(name.pattern for name in names)
    single = {name.pattern: name.text for name in names}
    shown = [f"{count} of {pattern}" if count > 1 else single[pattern] for pattern, count in counts.most_common(5)]
    return ", ".join(shown) + (f" and {len(counts) - 5} more" if len(counts) > 5 else "")


def _one_pattern(names: list[_Name]) -> str:
    """Say why names that differ in their numbers alone do not say one order."""
    pattern = names[0].pattern
    varying = [place for place, column in enumerate(zip(*(name.tokens for name in names))) if len(set(column)) > 1]
    counts = [Counter(name.tokens[place] for name in names) for place in varying]
    fewest = min(range(len(counts)), key=lambda place: len(counts[place]))
    if len(counts) > 1 and len(counts[fewest]) < len(names):
        series = [
            f"{count} of {_with_number(names[0], varying[fewest], token)}" for token, count in counts[fewest].items()
        ]
        more = f" and {len(series) - 5} more" if len(series) > 5 else ""
        return (
            f"holds {len(names)} images that do not form one series: {', '.join(series[:5])}{more}; "
            "leave one series in the folder, or give each a folder of its own"
        )
    if names[0].texts[0] in _SIGNS:
        return (
            f"the hyphen in {names[0].text}, {names[1].text}, ... may be a minus or not, which are opposite orders; "
            "rename the frames to 00001, 00002, ..."
        )
    return (
        f"the names {names[0].text}, {names[1].text}, ... ({pattern}) can be read in several orders; "
        "rename the frames to 00001, 00002, ..."
    )


def _with_number(name: _Name, place: int, token: str) -> str:
    pieces = _NUMBER.split(name.stem)
    pieces[1::2] = [token if position == place else "#" for position in range(len(name.tokens))]
    return "".join(pieces) + (f".{name.suffix}" if name.suffix else "")


def _twice(names: Collection[_Name]) -> tuple[_Name, _Name] | None:
    """Return two names of one pattern that have the same numbers, such as 1.jpg and 01.jpg."""
    seen: dict[Hashable, _Name] = {}
    for name in names:
        key = (name.texts, name.signs, name.suffix, tuple(token.lstrip("0") for token in name.tokens))
        if name.tokens and key in seen:
            return seen[key], name
        seen[key] = name
    return None


def _common(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    count = next((place for place, pair in enumerate(zip(first, last)) if pair[0] != pair[1]), len(first))
    return first[:count]


def _range(names: Sequence[_Name]) -> str:
    return f"{names[0].text} to {names[-1].text}"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{shown} {'is' if len(names) == 1 else 'are'}"
