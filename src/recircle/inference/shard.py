"""A part of a list of clips, for one of several machines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from recircle.errors import UserError

T = TypeVar("T")

_WORDS = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True)
class Shard:
    """Every n-th clip, from the i-th on; all shards together are all clips, each once.

    Attributes:
        number: i, from 1.
        count: n.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UserError(
                f"--shard {self.number}/{self.count}: the second number is how many parts there are, 1 or more"
            )
        if not 1 <= self.number <= self.count:
            raise UserError(
                f"--shard {self.number}/{self.count}: the first number is which of the parts, from 1 to {self.count}"
            )

    @classmethod
    def parse(cls, words: str) -> Self:
        """Read "3/8", the third of eight.

        Raises:
            UserError: it is something else, or there is no such part.
        """
        found = _WORDS.fullmatch(words.strip())
        if found is None:
            raise UserError(f"--shard {words!r} is not of the form i/n, such as 3/8 for the third of eight parts")
        return cls(int(found[1]), int(found[2]))

    def of(self, items: Sequence[T]) -> list[T]:
        """Return this part of a list."""
        return list(items[self.number - 1 :: self.count])

    def name(self, path: Path) -> Path:
        """Return the name of this part of a file: "out-3-of-8.csv" of "out.csv"."""
        return path.with_name(f"{path.stem}-{self.number}-of-{self.count}{path.suffix}")
