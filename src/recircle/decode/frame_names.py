"""A frame's file name, taken apart: texts and numbers in turn, its suffix, and which hyphens are signs."""

import re
from collections.abc import Sequence

from recircle.decode.companions import is_made_of_frames

# a picture of the whole clip, by the names that players and downloaders give to it
_COVERS = re.compile(
    r"thumb|poster|cover|preview|folder|contact|sheet|sprite|icon|logo|storyboard|artwork|fanart", re.I
)
# digits, and further ones behind a point or comma: a decimal, thousands, or a version
NUMBER = re.compile(r"(\d+(?:[.,]\d+)*)")
# between these and a number, a hyphen is nothing but a sign
_APART = tuple("_=([{:@")
SIGNS = {"-": -1, "\N{MINUS SIGN}": -1, "+": 1}


class FrameName:
    """A file's name, taken apart: texts and numbers in turn, and its suffix."""

    def __init__(self, text: str) -> None:
        self.text = text
        stem, dot, suffix = text.rpartition(".")
        if not dot or not stem or suffix.isdigit():
            stem, suffix = text, ""
        self.stem = stem
        self.suffix = suffix.lower()
        pieces = NUMBER.split(stem)
        self.texts = tuple(piece.casefold() for piece in pieces[::2])
        self.tokens = tuple(pieces[1::2])
        self.signs: tuple[int, ...] = (1,) * len(self.tokens)

    @property
    def is_cover(self) -> bool:
        """Whether the name is one that players and downloaders give to a picture of the whole clip."""
        return _COVERS.search(self.stem) is not None

    @property
    def is_companion(self) -> bool:
        """Whether the name says that the image is not a frame, but was made of one."""
        return is_made_of_frames(self.stem)

    @property
    def pattern(self) -> str:
        """The name with # for its numbers."""
        return NUMBER.sub("#", self.stem) + (f".{self.suffix}" if self.suffix else "")

    def may_begin(self, order: Sequence["FrameName"]) -> bool:
        """Tell whether this name without a number is how copies are named: "a.jpg", "a (2).jpg", "a (3).jpg"."""
        stem = self.texts[0].rstrip(" _-.(")
        return bool(stem) and all(name.texts[0].rstrip(" _-.(") == stem for name in order)


def find_signs(names: list[FrameName]) -> None:
    """Take a hyphen before a number for its sign where it is one, and out of the text."""
    templates = {name.texts for name in names}
    zeros = {name.texts for name in names if any(not token.strip("0.,") for token in name.tokens)}
    for name in names:
        texts, signs = list(name.texts), list(name.signs)
        for place in range(len(name.tokens)):
            text = texts[place]
            if text[-1:] not in SIGNS or (place and len(text) == 1):
                continue
            bare = (*texts[:place], text[:-1], *texts[place + 1 :])
            # "a-1" beside "a1" could be another series, but not where "a0" lies between the two
            opposite = text[:-1] + ("-" if text[-1] == "+" else "+")
            both = (*texts[:place], opposite, *texts[place + 1 :]) in templates
            mixed = both or (bare in templates and (len(text) == 1 or bare in zeros))
            if mixed or text[-2:-1] in _APART:
                signs[place] = SIGNS[text[-1]]
                texts[place] = text[:-1]
        name.texts, name.signs = tuple(texts), tuple(signs)
