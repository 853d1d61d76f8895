"""What things look like: shapes, patterns, colours, tables and people, none of them in both splits."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

Split = Literal["train", "test"]
Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything a split may show; names and values are not shared with the other split.

    Attributes:
        colours: of objects and covers.
        liquids: the colours that stand out in a glass.
        patterns: of solids.
        solids: upright things; see `solids.py`.
        glasses: profiles of vessels that can be seen through.
        tools: flat things that lie on the table; see `tools.py`.
        tables: textures; see `textures.py`.
        actors: (skin, sleeve) of each person.
    """

    colours: MappingProxyType[str, Colour]
    liquids: tuple[str, ...]
    patterns: tuple[str, ...]
    solids: tuple[str, ...]
    covers: tuple[str, ...]
    jugs: tuple[str, ...]
    glasses: tuple[str, ...]
    tools: tuple[str, ...]
    tables: tuple[str, ...]
    actors: MappingProxyType[str, tuple[Colour, Colour]]


CATALOGUES: MappingProxyType[Split, Catalogue] = MappingProxyType(
    {
        "train": Catalogue(
            colours=MappingProxyType(
                {
                    "tomato": (214, 62, 44),
                    "orange": (240, 140, 30),
                    "lemon": (238, 214, 60),
                    "grass": (70, 160, 60),
                    "sky": (80, 160, 224),
                    "navy": (38, 60, 140),
                    "plum": (136, 58, 150),
                    "cream": (240, 232, 214),
                    "charcoal": (58, 60, 66),
                    "rose": (232, 128, 150),
                }
            ),
            liquids=("tomato", "orange", "grass", "navy", "plum"),
            patterns=("plain", "bands", "panels", "dots"),
            solids=("can", "ball", "block", "mug", "bottle"),
            covers=("bowl", "pail"),
            jugs=("pitcher", "carton"),
            glasses=("tumbler", "beaker"),
            tools=("hammer", "ladle", "pan", "arrow"),
            tables=("oak", "walnut", "linen", "slate", "gingham"),
            actors=MappingProxyType(
                {
                    "anna": ((236, 196, 168), (44, 62, 120)),
                    "bela": ((150, 100, 70), (52, 52, 58)),
                    "chika": ((222, 176, 138), (112, 30, 40)),
                    "dawit": ((96, 64, 48), (40, 84, 58)),
                    "emre": ((206, 156, 120), (26, 28, 34)),
                }
            ),
        ),
        "test": Catalogue(
            colours=MappingProxyType(
                {
                    "brick": (170, 70, 52),
                    "mustard": (206, 166, 40),
                    "teal": (32, 140, 140),
                    "lilac": (176, 150, 220),
                    "mint": (150, 214, 170),
                    "magenta": (206, 50, 120),
                    "ash": (168, 172, 176),
                    "cobalt": (52, 96, 200),
                }
            ),
            liquids=("brick", "teal", "magenta", "cobalt"),
            patterns=("cap", "sides", "spiral"),
            solids=("cone", "egg", "vase", "house"),
            covers=("bell", "tub"),
            jugs=("kettle",),
            glasses=("goblet", "flute"),
            tools=("spade", "paddle", "key"),
            tables=("pine", "marble", "ticking", "cork"),
            actors=MappingProxyType(
                {
                    "femi": ((120, 78, 56), (96, 62, 30)),
                    "gosia": ((244, 208, 184), (24, 74, 80)),
                    "hana": ((196, 144, 108), (74, 46, 104)),
                }
            ),
        ),
    }
)


@dataclass(frozen=True)
class Look:
    """Draws looks for one clip from the catalogue of its split; every random choice comes from the clip's `rng`.

    Attributes:
        catalogue: what the split may show.
        rng: the clip's source of random choices.
        actor: the person of the clip.
        used: names drawn so far.
    """

    catalogue: Catalogue
    rng: np.random.Generator
    actor: str
    used: set[str]

    @classmethod
    def draw(cls, split: Split, rng: np.random.Generator) -> "Look":
        """Return the looks of one clip of a split."""
        catalogue = CATALOGUES[split]
        actor = str(rng.choice(list(catalogue.actors)))
        return cls(catalogue, rng, actor, {actor})

    def pick(self, names: tuple[str, ...]) -> str:
        """Draw one of the catalogue's names that this clip has not used yet, if there is one."""
        fresh = [name for name in names if name not in self.used] or list(names)
        name = fresh[int(self.rng.integers(len(fresh)))]
        self.used.add(name)
        return name

    def colour(self, names: tuple[str, ...] = ()) -> np.ndarray:
        """Draw one of the named colours, or of all: [3, 1, 1], float32, a little off the catalogue's."""
        colours = self.catalogue.colours
        colour = np.array(colours[self.pick(names or tuple(colours))], np.float32)
        return _planes(np.minimum(colour * np.float32(self.rng.uniform(0.9, 1.08)), 255))

    @property
    def skin(self) -> np.ndarray:
        """The colour of the actor's hands [3, 1, 1]."""
        return _planes(self.catalogue.actors[self.actor][0])

    @property
    def sleeve(self) -> np.ndarray:
        """The colour of the actor's sleeves [3, 1, 1]."""
        return _planes(self.catalogue.actors[self.actor][1])


def _planes(colour: Colour | np.ndarray) -> np.ndarray:
    return np.array(colour, np.float32).reshape(3, 1, 1)
