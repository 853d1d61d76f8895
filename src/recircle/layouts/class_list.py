"""Lists of class names, and what numbers and names in a list of clips mean by them; numbers that a list gives count."""

import re
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recircle.errors import UserError
from recircle.layouts.class_entries import CHOOSE, is_json, read_json, read_lines_or_table
from recircle.layouts.tables import check_label, parse_json
from recircle.manifest.text_table import read_text, unquote

# kinds of files that are neither text of names, nor a table, nor JSON
_OTHER_SYNTAX = {
    ".yaml": "YAML",
    ".yml": "YAML",
    ".toml": "TOML",
    ".pbtxt": "a protocol buffer",
    ".xml": "XML",
    ".html": "HTML",
    ".py": "Python",
}


@dataclass(frozen=True)
class ClassList:
    """The names of the classes that a list of clips gives by number or by name.

    Attributes:
        names: the class of each number.
        source: the file that says so.
        is_numbered: the file gives the numbers; otherwise the first name has number 0, and so on.
    """

    names: Mapping[int, str]
    source: Path
    is_numbered: bool

    @classmethod
    def read(cls, path: Path) -> "ClassList":
        """Read a list of classes.

        It is text with one name a line, which may have a number before or after it; a table with a column of numbers
        and one of names; or JSON: an object of names and numbers either way round, or a list.

        Raises:
            UserError: it cannot be read, a number or a name is there twice, or it is not clear which are the numbers.
        """
        if syntax := _OTHER_SYNTAX.get(path.suffix.lower()):
            raise UserError(f"{path} is {syntax}, which is not read; write one class per line, a table or JSON")
        text = read_text(path)
        if not text.strip():
            raise UserError(f"{path} is empty; write one class per line")
        if path.suffix.lower() == ".json" or (text.lstrip().startswith(("{", "[")) and is_json(text, path)):
            entries, is_numbered = read_json(path, parse_json(text, str(path)))
        elif re.fullmatch(r"\s*[\[{].*[,:].*[\]}]\s*", text, re.DOTALL):
            raise UserError(
                f"{path} begins like JSON but is not valid JSON; put names in double quotes, or write one class "
                "per line"
            )
        else:
            entries, is_numbered = read_lines_or_table(path, text)
        names: dict[int, str] = {}
        numbers: dict[str, int] = {}
        for where, number, name in entries:
            if not name:
                raise UserError(f"{where}: class number {number} has no name; write one")
            if number in names:
                raise UserError(
                    f"{where}: class number {number} is there already, for {names[number]!r}; number each once"
                )
            if name in numbers:
                raise UserError(
                    f"{where}: class {name!r} is there already, with number {numbers[name]}; name each once"
                )
            names[number], numbers[name] = name, number
        return cls(names, path, is_numbered)

    @property
    def is_single(self) -> bool:
        """Whether a single class stands there, without a number."""
        return len(self.names) == 1 and not self.is_numbered

    @cached_property
    def known(self) -> frozenset[str]:
        """The names."""
        return frozenset(self.names.values())

    def name(self, label: str, where: str) -> str:
        """Return the class that a list of clips means by a name or a number, "" for an empty label.

        Raises:
            UserError: there is none.
        """
        if not label or label in self.known:
            return label
        if re.fullmatch(r"[0-9]+(\.0+)?", label):
            number = int(label.partition(".")[0])
            if number not in self.names:
                raise UserError(
                    f"{where}: there is no class number {number} among the {len(self.names)} of {self.source}"
                    + (f", whose numbers are {_some(sorted(self.names))}" if self.is_numbered else ", counted from 0")
                    + (f", and its only line is {self.names[0]!r}; write one class per line" if self.is_single else "")
                )
            return self.names[number]
        if (plain := unquote(label)) in self.known:
            return plain
        return check_label(label, self.known, where, self.source)

    def check_counting(self, clips: Path, labels: Iterable[str]) -> None:
        """Insist that the numbers in a list of clips count from where this list counts, as far as both say so.

        Raises:
            UserError: the classes have no numbers here, and those of the clips run up to as many as there are classes,
                without 0.
        """
        used = {int(label.partition(".")[0]) for label in labels if re.fullmatch(r"[0-9]+(\.0+)?", label)}
        if self.is_numbered or not used or 0 in used or any(str(number) in self.known for number in used):
            return
        first, count = self.names[0], len(self.names)
        if max(used) == count:
            raise UserError(
                f"{clips}: labels run from {min(used)} to {count}; if the {count} classes of {self.source} are counted "
                f"from 1, label 1 is {first!r}, and if from 0, it is the second and there is no {count}; {CHOOSE} to "
                "say which"
            )
        if max(used) > count:
            return
        warnings.warn(
            f"{clips}: no label is 0, and the {count} classes of {self.source} are counted from 0, so that "
            f"{first!r} has no clip; if they are counted from 1, {CHOOSE}",
            stacklevel=3,
        )

    def warn_unused(self, used: Collection[str]) -> None:
        """Say which classes have no clip."""
        without = [name for name in self.names.values() if name not in used]
        if without and len(without) < len(self.names):
            some = _some(list(map(repr, without)))
            warnings.warn(
                f"{self.source}: {len(without)} of the {len(self.names)} classes have no clip ({some})", stacklevel=3
            )


def _some(names: Sequence[object], most: int = 5) -> str:
    return ", ".join(map(str, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")
