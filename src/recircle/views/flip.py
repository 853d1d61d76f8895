"""What a horizontal flip does to labels, read from the class names: swap left and right, or do not flip.

Pairs are never given as label numbers: the order of labels differs between distributions of one data set.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

FlipMode = Literal["auto", "off", "always"]


@dataclass(frozen=True)
class FlipPolicy:
    """Whether clips are flipped, and which label a flipped clip has.

    Attributes:
        enabled: whether clips are flipped at all.
        partners: for each label its label after a flip; most are their own.
        reason: why the flip is off although it was asked for; empty otherwise.
        labels: the class names, in the order of the label numbers.
    """

    enabled: bool
    partners: tuple[int, ...]
    reason: str = ""
    labels: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_labels(cls, labels: Sequence[str], mode: FlipMode = "auto") -> Self:
        """Read the policy from class names.

        A class that names a side (left, right, leftwards ...) or a sense of rotation (clockwise ...) is swapped with
        the class whose name has every such word exchanged; case and punctuation do not matter. If one such class has
        no partner, its mirror image would not be a class of the data set, and the flip is off for all.

        A word is not a direction where the name shows it: "right out" (but not "right out of"), "right away", "right
        now", "right angle", "right side up", "all right", "left over", "left behind", "left alone", and both sides
        at once, "left and right". Such a name counts as a direction all the same if its partner is in the list.

        Args:
            labels: class names, in the order of the label numbers.
            mode: auto reads the names; off never flips; always flips whatever the names say and keeps the labels.
        """
        names, itself = tuple(labels), tuple(range(len(labels)))
        if mode != "auto":
            return cls(mode == "always", itself, labels=names)
        keys = [_words(name) for name in names]
        mirrored = [tuple(_MIRROR.get(word, word) for word in key) for key in keys]
        counts, rows = Counter(keys), {key: row for row, key in enumerate(keys)}
        partners = list(itself)
        for row, (key, mirror) in enumerate(zip(keys, mirrored)):
            if mirror == key or (mirror not in rows and not _names_a_side(key)):
                continue
            if mirror not in rows or counts[mirror] > 1 or counts[key] > 1:
                why = "has no partner" if mirror not in rows else "has more than one partner"
                reason = (
                    f"the horizontal flip is off: class {names[row]!r} names a direction and {why} in the label list "
                    f"(looked for {' '.join(mirror)!r})"
                )
                return cls(False, itself, reason, names)
            partners[row] = rows[mirror]
        return cls(True, tuple(partners), labels=names)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The names of the classes that a flip swaps, each pair once."""
        return tuple(
            (self.labels[row], self.labels[partner]) for row, partner in enumerate(self.partners) if row < partner
        )

    def flipped(self, label: int) -> int:
        """Return the label of a flipped clip; -1 (no label) stays."""
        return self.partners[label] if label >= 0 else label


_SUFFIXES = ("", "ward", "wards", "most", "hand", "handed")
_MIRROR = {"left" + suffix: "right" + suffix for suffix in _SUFFIXES} | {"clockwise": "counterclockwise"}
_MIRROR |= {mirror: word for word, mirror in _MIRROR.items()}

# two words or more in which left or right is not a direction, as patterns over the words of a name joined by spaces
_IDIOMS = re.compile(
    r"\bright (?:out(?! of)|away|now|angles?|side up)\b"
    r"|\ball right\b"
    r"|\bleft (?:over|behind|alone)\b"
    r"|\b(?:left (?:and|or) right|right (?:and|or) left)\b"
)
_COUNTERCLOCKWISE = re.compile(r"\b(?:counter|anti) ?clockwise\b|\b(?:ccw|acw)\b")


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in small letters: runs of letters or digits, also split inside camelCase."""
    runs = re.findall(r"[^\W\d_]+|\d+", name)
    text = " ".join(word for run in runs for word in re.split(r"(?<=[a-z])(?=[A-Z])", run)).lower()
    text = re.sub(r"\bcw\b", "clockwise", _COUNTERCLOCKWISE.sub("counterclockwise", text))
    return tuple(text.split())


def _names_a_side(words: tuple[str, ...]) -> bool:
    return any(word in _MIRROR for word in _IDIOMS.sub(" ", " ".join(words)).split())
