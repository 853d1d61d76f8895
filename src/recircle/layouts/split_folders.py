"""Which level of folders gives the split of a clip, and which its class; or why that cannot be told."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from recircle.decode.media_search import Found
from recircle.layouts.tables import SPLITS
from recircle.manifest.manifest import Clip

# words of names that are given to splits, though not which one is meant
_WORDS = frozenset(SPLITS) | {"eval", "evaluation", "holdout", "heldout", "trainval", "trainset", "valset", "testset"}
_WORDS |= {"trn", "tst", "traindata", "testdata", "validierung", "entrainement", "entra\xeenement", "entrenamiento"}
_WORDS |= {"validaci\xf3n", "validacion", "prueba", "pruebas", "treino", "teste", "addestramento"}
# Chinese and Japanese words for training, validation and test
_PARTS_OF_WORDS = ("\u8bad\u7ec3", "\u9a8c\u8bc1", "\u6d4b\u8bd5", "\u8a13\u7df4", "\u691c\u8a3c", "\u30c6\u30b9\u30c8")
_NUMBERED = re.compile(r"(?:cv|fold|split|subset|partition)[\s_-]*\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Levels:
    """What the levels of folders above the clips mean.

    Attributes:
        split: the level that names the split, from 0; None where none does.
        doubt: why another reading is as likely, and how to choose; empty if none is.
    """

    split: int | None = None
    doubt: str = ""

    def clip(self, found: Found) -> Clip:
        """Return a clip with the label and the split that its folders say."""
        folders = list(found.parts[:-1])
        split = ""
        if self.split is not None and len(folders) > self.split:
            split = split_of(folders.pop(self.split))
        return Clip(path=found.path, label=folders[0] if folders else "", split=split)


def split_of(name: str) -> str:
    """Return the split that a folder's name says, or nothing."""
    return SPLITS.get(name.strip().lower(), "")


def read_levels(folder: Path, found: Sequence[Found]) -> Levels:
    """Tell what the folders below `folder` mean, from where the clips in them lie.

    Clips that lie in no folder say nothing. Where all uppermost folders have names of splits, they are splits; where
    all those below them have, these are. Other folders beside splits are a doubt, unless the clips lie directly in a
    single folder of such a name, as those of a class do.
    """
    inside = [clip.parts for clip in found if len(clip.parts) > 1]
    deep = [parts for parts in inside if len(parts) > 2]
    tops = _in_order(parts[0] for parts in inside)
    splits = [name for name in tops if split_of(name)]
    others = [name for name in tops if not split_of(name)]
    if splits and not others:
        inner = _in_order(parts[1] for parts in deep)
        if len(tops) == 1 and len(inner) > 1 and all(map(split_of, inner)):
            return Levels(doubt=_one_above(folder, tops[0], inner))
        return Levels(split=0)
    if splits:
        in_classes = any(split_of(parts[0]) for parts in deep)
        if in_classes or len(splits) > 1 or any(_like_a_split(name) for name in others):
            return Levels(doubt=_other_folders(folder, splits, others))
        return Levels()
    seconds = _in_order(parts[1] for parts in deep)
    below = [name for name in seconds if split_of(name)]
    if below and len(below) == len(seconds) and len(deep) == len(inside):
        if len(tops) == 1:
            return Levels(doubt=_one_above(folder, tops[0], below))
        return Levels(split=1)
    if len({split_of(name) for name in below}) > 1:
        return Levels(doubt=_below_classes(folder, tops, below))
    if deep and any(_like_a_split(name) for name in tops):
        like = [name for name in tops if _like_a_split(name)]
        return Levels(doubt=_other_folders(folder, [], like))
    return Levels()


def alike_below(found: Sequence[Found]) -> set[str]:
    """Return the names of folders that lie in each of the uppermost ones, if all clips lie in such folders.

    None if each of these holds a single clip, as a folder of a clip's own does.
    """
    below: dict[str, set[str]] = {}
    inside = [clip.parts for clip in found if len(clip.parts) > 1]
    for parts in inside:
        below.setdefault(parts[0], set()).add(parts[1] if len(parts) > 2 else "")
    if len({parts[:2] for parts in inside}) == len(inside):
        return set()
    sets = list(below.values())
    alike = len(sets) > 1 and len(sets[0]) > 1 and "" not in sets[0] and all(names == sets[0] for names in sets)
    return sets[0] if alike else set()


def _like_a_split(name: str) -> bool:
    """Tell whether a name has a word such as "eval" in it: "Valid_set", "test1", "held-out"."""
    if _NUMBERED.fullmatch(name.strip()) or any(part in name for part in _PARTS_OF_WORDS):
        return True
    words = re.findall(r"[^\W\d_]+", re.sub("([a-z])([A-Z])", r"\1 \2", name))
    lower = [word.lower() for word in words]
    return any(word in _WORDS for word in (*lower, *map("".join, pairwise(lower))))


def _other_folders(folder: Path, splits: list[str], others: list[str]) -> str:
    one = len(others) == 1
    beside = f" beside {_some(splits)}" if splits else ""
    kind = "a split or a class" if one else "splits or classes"
    return (
        f"{folder}: {_some(others)}{beside} may be {kind}. "
        f"For splits, rename {'it' if one else 'them'} to train, val or test, or take out what is not a split; "
        "for a class in each folder, give --layout folder_per_class"
    )


def _one_above(folder: Path, top: str, below: list[str]) -> str:
    return (
        f"{folder}: all clips lie in {top}/, in {_some(below)}. If these are the splits of all classes, give "
        f"{folder / top}; if {top!r} is a class, give --layout folder_per_class"
    )


def _below_classes(folder: Path, tops: list[str], below: list[str]) -> str:
    return (
        f"{folder}: in {_some(tops)} some clips lie in {_some(below)} and others do not. If these are splits, move "
        "every clip into one; if they mean nothing, give --layout folder_per_class"
    )


def _in_order(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _some(names: Sequence[str]) -> str:
    shown = [f"{name}/" for name in names[:4]]
    return ", ".join(shown) + (", ..." if len(names) > 4 else "")
