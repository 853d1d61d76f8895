"""The images of a folder as one series in time: which of them are frames, and in which order, by their names alone."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass

from recircle.decode.companions import is_made_of_frames
from recircle.decode.frame_names import NUMBER, SIGNS, FrameName, find_signs
from recircle.decode.natural import natural_key
from recircle.decode.numbering import EVEN, Numbering, choose, never_back, numbering, ways_to_read


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
    parsed = sorted((FrameName(name) for name in names), key=lambda name: natural_key(name.text))
    numbered = [name for name in parsed if name.tokens]
    others = [name for name in parsed if not name.tokens]
    if len(parsed) < 2:
        return Series(tuple(name.text for name in parsed))
    if not numbered:
        return _unnumbered(others)
    found, covers = _one_series(numbered)
    if found is None:
        rest = [FrameName(name.text) for name in numbered if not name.is_companion]
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
    values = numbering([int(number) for number in digits])
    if values is None:
        return None
    ordered = [names[place] for place in values.places]
    return Series(tuple(ordered), remark=_gap(values, ordered))


def runs(names: Iterable[str], least: int = 3) -> list[str]:
    """Return the names that belong to a series of numbered images, of which there are `least` or more in each."""
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for name in map(FrameName, names):
        if name.tokens:
            groups[name.texts, name.suffix].append(name.text)
    return [name for group in groups.values() if len(group) >= least for name in group]


@dataclass(frozen=True)
class _Found:
    order: list[FrameName]
    remark: str = ""


def _unnumbered(names: list[FrameName]) -> Series:
    covers = [name for name in names if name.is_cover]
    frames = [name for name in names if not name.is_cover] or names
    if len({name.stem.casefold() for name in frames}) < len(frames):
        return Series((), fault=_several(names))
    left = [name.text for name in covers] if len(frames) < len(names) else []
    remarks = [f"{_list(left)} left out: not a frame"] if left else []
    if len(frames) > 1:
        remarks.append("no name has a number, so that frames are in the order of their names")
    return Series(tuple(name.text for name in frames), tuple(left), "; ".join(remarks))


def _one_series(names: list[FrameName]) -> tuple[_Found | None, list[FrameName]]:
    """Return the one series that all names are of, or None; and the covers that have a number in their name."""
    find_signs(names)
    groups: dict[Hashable, list[FrameName]] = defaultdict(list)
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


def _across(names: list[FrameName]) -> _Found | None:
    """Order names of which the text differs too: by the one number that numbers all of them, or as hexadecimals."""
    if len({name.suffix for name in names}) == 1:
        stems = [name.stem.lower() for name in names]
        start = len(_common(stems))
        end = len(_common([stem[start:][::-1] for stem in stems]))
        digits = [stem[start : len(stem) - end] for stem in stems]
        if all(re.fullmatch("[0-9a-f]+", part) for part in digits):
            hexadecimal = numbering([int(part, 16) for part in digits])
            if hexadecimal and hexadecimal.evenness == 1 and len(names) > 2:
                return _Found([names[place] for place in hexadecimal.places], "numbers are read as hexadecimal")
    for token, rest in ((0, _after_first), (-1, _before_last)):
        texts = [rest(name) for name in names]
        plain = all(name.tokens[token].isdigit() for name in names)
        values = numbering([int(name.tokens[token]) for name in names]) if plain else None
        same = len({name.texts[token] for name in names}) == 1
        # texts that are all different are times, checksums and the like; the same few again are series
        if values and same and values.evenness >= EVEN and len(set(texts)) == len(texts) and len(names) > 2:
            order = [names[place] for place in values.places]
            return _Found(order, _gap(values, [name.text for name in order]))
    return None


def _after_first(name: FrameName) -> str:
    return "".join(NUMBER.split(name.stem)[2:])


def _before_last(name: FrameName) -> str:
    return "".join(NUMBER.split(name.stem)[:-2])


def _in_order(names: list[FrameName]) -> _Found | None:
    """Order names that differ in their numbers alone, if these say one order."""
    suffixes = Counter(name.suffix for name in names)
    if names[0].texts[0] in SIGNS:  # all of them: numbers below zero, or a name that is left out before the hyphen
        return None
    candidates = ways_to_read(names)
    chosen = choose(candidates)
    if chosen is None:
        return None
    if len(suffixes) > 1 and chosen.evenness < 1:
        return None  # two series that go on, each in its own numbers
    order = [names[place] for place in chosen.places]
    remarks = []
    if len({candidate.places for candidate in candidates}) > 1:
        remarks.append(f"of several ways to read the names, the one that counts evenly is taken: {_range(order)}")
    if not chosen.is_time and not all(_runs_with(names, place, chosen) for place in range(len(names[0].tokens))):
        remarks.append(f"a further number in the names does not run with their order, {_range(order)}")
    remarks.append(_gap(chosen, [name.text for name in order]))
    return _Found(order, "; ".join(filter(None, remarks)))


def _gap(chosen: Numbering, order: Sequence[str]) -> str:
    if not chosen.missing:
        return ""
    count = "1 number is" if chosen.missing == 1 else f"{chosen.missing} numbers are"
    return f"{count} missing between {order[0]} and {order[-1]}"


def _runs_with(names: list[FrameName], place: int, chosen: Numbering) -> bool:
    """Tell whether numbers that repeat, such as those of a camera, never go back along the order."""
    tokens = [name.tokens[place] for name in names]
    if len(set(tokens)) == len(tokens) or any(-1 in name.signs for name in names):
        return True
    return not all(token.isdigit() for token in tokens) or never_back([int(token) for token in tokens], chosen)


def _several(names: Collection[FrameName]) -> str:
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


def _patterns(names: Collection[FrameName]) -> str:
    """Count names by what they are without their numbers."""
    counts = Counter(name.pattern for name in names)
    single = {name.pattern: name.text for name in names}
    shown = [f"{count} of {pattern}" if count > 1 else single[pattern] for pattern, count in counts.most_common(5)]
    return ", ".join(shown) + (f" and {len(counts) - 5} more" if len(counts) > 5 else "")


def _one_pattern(names: list[FrameName]) -> str:
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
    if names[0].texts[0] in SIGNS:
        return (
            f"the hyphen in {names[0].text}, {names[1].text}, ... may be a minus or not, which are opposite orders; "
            "rename the frames to 00001, 00002, ..."
        )
    return (
        f"the names {names[0].text}, {names[1].text}, ... ({pattern}) can be read in several orders; "
        "rename the frames to 00001, 00002, ..."
    )


def _with_number(name: FrameName, place: int, token: str) -> str:
    pieces = NUMBER.split(name.stem)
    pieces[1::2] = [token if position == place else "#" for position in range(len(name.tokens))]
    return "".join(pieces) + (f".{name.suffix}" if name.suffix else "")


def _twice(names: Collection[FrameName]) -> tuple[FrameName, FrameName] | None:
    """Return two names of one pattern that have the same numbers, such as 1.jpg and 01.jpg."""
    seen: dict[Hashable, FrameName] = {}
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


def _range(names: Sequence[FrameName]) -> str:
    return f"{names[0].text} to {names[-1].text}"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{shown} {'is' if len(names) == 1 else 'are'}"
