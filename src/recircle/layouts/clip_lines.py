"""Lists whose fields stand between blanks: paths alone, or paths and then numbers, or what a header says."""

import csv
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recircle.decode.media import is_media
from recircle.errors import UserError
from recircle.layouts.columns import IsThere, is_blank_header, roles_of, sample
from recircle.manifest.text_table import Record, Table, is_comment, split_lines, unquote

_ENDINGS = ((), ("path", "label"), ("path", "frames", "label"), ("path", "start_frame", "end_frame", "label"))
"""What stands in lines that end in so many numbers."""
_FORMS = "write `path label`, `path frames label` or `path start end label` with numbers"


@dataclass(frozen=True)
class _Line:
    where: str
    text: str

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words, of which one in double quotes may hold blanks."""
        if '"' not in self.text:
            return tuple(self.text.split())
        try:
            (fields,) = csv.reader([self.text.replace("\t", " ")], delimiter=" ", skipinitialspace=True, strict=True)
        except (csv.Error, ValueError):
            return tuple(self.text.split())
        return tuple(field for field in fields if field)

    @cached_property
    def numbers(self) -> int:
        """How many numbers end the line, after one word at least."""
        count = 0
        for word in reversed(self.words[1:]):
            if not (word.isascii() and word.isdigit()):
                break
            count += 1
        return count

    def path(self, after: int) -> str:
        """Return what stands before the last words."""
        return unquote(self.text.rsplit(maxsplit=after)[0]) if after else unquote(self.text)

    def tail(self, count: int) -> tuple[str, ...]:
        return self.words[len(self.words) - count :]


class Lines:
    """The lines of a list, and how many numbers end each: so many that what stands before them are clips.

    Args:
        source: the list.
        text: its content.
        is_there: tells whether a clip of this name is to be found.
    """

    def __init__(self, source: Path, text: str, is_there: IsThere) -> None:
        self._source = source
        self._is_there = is_there
        self._lines = [
            _Line(f"{source}, line {number}", line.strip())
            for number, line in enumerate(split_lines(text), 1)
            if line.strip() and not is_comment(line.strip())
        ]
        first = self._lines[0].words
        self.header = first if is_blank_header(first, is_there) else None
        if self.header is not None:
            del self._lines[0]
        counts = [line.numbers for line in self._lines]
        looked_at = sample(self._lines)
        clips = {k: sum(self._is_clip(line, k) for line in looked_at) for k in range(max(counts, default=0) + 1)}
        # among equals, a label rather than none, and one rather than several
        best = max(clips, key=lambda k: (clips[k], k > 0, -k))
        if not clips[best] and any(counts):
            # nothing shows where the paths end; a path may itself end in a blank and a number
            best = min(min(counts) or Counter(filter(None, counts)).most_common(1)[0][0], 3)
        self._numbers = best
        self.clips = clips[best] / max(1, len(looked_at))
        """The share of lines that name a clip."""
        self.divided = float(self._numbers > 0)
        """The share of lines that have more than one field."""
        if self.header is not None:
            # a header that a delimiter divides too is meant so
            self.clips = self.divided = 0.0
            self._numbers = len(self.header) - 1

    def _is_clip(self, line: _Line, numbers: int) -> bool:
        if line.numbers < numbers:
            return False
        path = line.path(numbers)
        return is_media(path) or self._is_there(path)

    def table(self) -> Table:
        """Return the records; without numbers and a header, each has one field, which may be a header or a path.

        Raises:
            UserError: a line is not of the form of the others.
        """
        if self.header is not None:
            records = [self._named(line, self.header) for line in self._lines]
            return Table(self._source, self.header, tuple(records))
        if not self._numbers:
            return self._paths()
        if self._numbers >= len(_ENDINGS):
            line = next(line for line in self._lines if line.numbers >= len(_ENDINGS))
            raise UserError(f"{line.where}: {line.text!r} ends in {line.numbers} numbers; {self._several()}")
        return Table(self._source, _ENDINGS[self._numbers], tuple(self._numbered()))

    def _named(self, line: _Line, header: tuple[str, ...]) -> Record:
        fields = line.words
        if len(fields) > len(header) and any(role == "path" for role, _ in roles_of(header[0])):
            # blanks in an unquoted path
            fields = (line.path(len(header) - 1), *line.tail(len(header) - 1))
        return Record(line.where, fields)

    def _numbered(self) -> Iterator[Record]:
        for line in self._lines:
            if line.numbers < self._numbers:
                some = "no class number" if not line.numbers else f"{line.numbers} numbers"
                others = f"other lines end in {self._numbers}"
                raise UserError(f"{line.where}: {line.text!r} ends in {some}, and {others}; {_FORMS}")
            path = line.path(self._numbers)
            if line.numbers > self._numbers and is_media(line.path(line.numbers)) and not self._is_there(path):
                raise UserError(
                    f"{line.where}: {line.text!r} ends in {line.numbers} numbers, and other lines in {self._numbers}; "
                    f"{self._several()}"
                )
            yield Record(line.where, (path, *line.tail(self._numbers)))

    def _several(self) -> str:
        return f"several labels of a clip are not read, so give each clip one; {_FORMS}"

    def _paths(self) -> Table:
        """Return paths alone, or labels and paths if that is what is there."""
        plain = [Record(line.where, (unquote(line.text),)) for line in self._lines]
        if any(self._is_there(record.fields[0]) for record in plain):
            return Table(self._source, (), tuple(plain))
        halves = [line.text.split(maxsplit=1) for line in self._lines]
        if all(len(half) == 2 and self._is_there(unquote(half[1])) for half in halves):
            warnings.warn(
                f"{self._source}: each line is read as a label, a blank and a path, as clips are named so", stacklevel=5
            )
            records = [Record(line.where, (unquote(path), label)) for line, (label, path) in zip(self._lines, halves)]
            return Table(self._source, ("path", "label"), tuple(records))
        for line in self._lines:
            if len(line.words) > 1 and not is_media(line.path(0)):
                raise UserError(
                    f"{line.where}: {line.text!r} ends in no class number; put a comma between path and label, "
                    f"or {_FORMS}"
                )
        return Table(self._source, (), tuple(plain))
