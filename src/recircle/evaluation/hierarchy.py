"""How classes form families, and families larger groups: from a run's families, or from a user's file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recircle.errors import UserError
from recircle.layouts.tables import read_json
from recircle.manifest.text_table import read_table


@dataclass(frozen=True, kw_only=True, eq=False)
class Hierarchy:
    """L levels of groups of K classes; each group is a union of groups of the level before.

    Attributes:
        classes: names of the K classes.
        levels: names of the L levels, the finest first.
        groups: int64 [L, K], the number of the group of each class at each level.
    """

    classes: tuple[str, ...]
    levels: tuple[str, ...]
    groups: NDArray[np.int64]

    def __post_init__(self) -> None:
        shape = (len(self.levels), len(self.classes))
        if not self.levels or self.groups.shape != shape:
            raise ValueError(f"groups {self.groups.shape} must be {list(shape)}, with one level or more")
        for level in range(1, len(self.levels)):
            self._check_nested(level)

    @classmethod
    def from_names(cls, classes: Sequence[str], levels: Mapping[str, Sequence[str]]) -> Self:
        """Return the hierarchy of classes whose groups are named, at each level, in the order of the classes.

        Raises:
            ValueError: a level has not one group for each class, or tears a group of the level before apart.
        """
        for name, groups in levels.items():
            if len(groups) != len(classes):
                raise ValueError(f"level {name!r} has {len(groups)} groups for {len(classes)} classes; give each one")
        numbers = [np.unique(list(groups), return_inverse=True)[1].astype(np.int64) for groups in levels.values()]
        return cls(classes=tuple(classes), levels=tuple(levels), groups=np.array(numbers).reshape(-1, len(classes)))

    @classmethod
    def from_families(cls, classes: Sequence[str], families: Mapping[str, str]) -> Self:
        """Return the hierarchy of one level that a run saves; a class without a family is a family of its own.

        Raises:
            UserError: no class has a family.
        """
        if not any(name in families for name in classes):
            raise UserError(
                "the classes of these predictions have no families; fill in the manifest's column `parent` and train "
                "again, or give a file of classes and their families (--hierarchy)"
            )
        # a class may bear the name of a family that it is not in
        names = [f"family {families[name]}" if name in families else f"class {name}" for name in classes]
        return cls.from_names(classes, {"family": names})

    def _check_nested(self, level: int) -> None:
        first: dict[int, int] = {}
        for number, (finer, coarser) in enumerate(zip(self.groups[level - 1], self.groups[level])):
            other = first.setdefault(int(finer), number)
            if self.groups[level][other] != coarser:
                raise ValueError(
                    f"{self.classes[other]!r} and {self.classes[number]!r} share a group at level "
                    f"{self.levels[level - 1]!r} but not at {self.levels[level]!r}; order the levels from the finest "
                    "to the coarsest, and correct what then still differs"
                )


def read_hierarchy(path: Path, classes: Sequence[str]) -> Hierarchy:
    """Read the groups of classes from a table or a JSON file; classes that are not asked for may be in it too.

    A .csv file has a header; its first column is the class, each further one a level, the finest first. Columns without
    a name and those of numbers, whose names end in `_index`, are passed over, so that `fine_to_coarse.csv` of the
    20BN-something-something label hierarchies is read as it is. A .json file is an object such as
    `{"pouring into": "pouring", ...}`, or with a list of groups for each class, the finest first. Square brackets in
    the names of classes do not count, as Something-Something has its templates with and without them.

    Raises:
        UserError: the file cannot be read, is of another form, contradicts itself, lacks a class, or its levels are not
            nested.
    """
    levels, rows = _read_json_rows(path) if path.suffix.lower() == ".json" else _read_csv_rows(path)
    groups: dict[str, tuple[str, ...]] = {}
    for where, name, row in rows:
        if not name or not all(row):
            raise UserError(f"{where}: a class or a group has no name; fill it in")
        if groups.setdefault(_plain(name), row) != row:
            raise UserError(f"{where}: class {name!r} is there already, with other groups; remove one of the two")
    missing = [name for name in classes if _plain(name) not in groups]
    if missing:
        raise UserError(
            f"{path} has no group for {len(missing)} of the {len(classes)} classes, such as {missing[0]!r}; add them"
        )
    found = [groups[_plain(name)] for name in classes]
    try:
        return Hierarchy.from_names(classes, {level: [row[n] for row in found] for n, level in enumerate(levels)})
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


_Rows = list[tuple[str, str, tuple[str, ...]]]
"""Of each class: where it stands, its name and its groups."""


def _read_csv_rows(path: Path) -> tuple[list[str], _Rows]:
    table = read_table(path)
    columns = [n for n, name in enumerate(table.names) if name and not name.endswith("_index")]
    names = [table.names[n] for n in columns]
    if len(columns) < 2 or len(set(names)) < len(names):
        raise UserError(
            f"{path}: the header {','.join(table.names)!r} must name the column of classes and one or more of groups, "
            "such as class,family, each once"
        )
    rows: _Rows = []
    for record in table.records:
        name, *groups = (record.fields[n] for n in columns)
        rows.append((record.where, name, tuple(groups)))
    return names[1:], rows


def _read_json_rows(path: Path) -> tuple[list[str], _Rows]:
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise UserError(f'{path}: a JSON object such as {{"pouring into": "pouring", ...}} is wanted')
    rows: _Rows = []
    for name, value in content.items():
        groups = value if isinstance(value, list) else [value]
        if not groups or not all(isinstance(group, str) for group in groups):
            raise UserError(f"{path}: {name!r} has {value!r}; give the name of its group, or a list of names")
        rows.append((path.as_posix(), name, tuple(groups)))
    lengths = {len(groups) for _, _, groups in rows}
    if len(lengths) > 1:
        raise UserError(f"{path}: some classes have {min(lengths)} groups and some {max(lengths)}; give all as many")
    return ["family", *(f"level {n}" for n in range(2, lengths.pop() + 1))], rows


def _plain(name: str) -> str:
    return name.replace("[", "").replace("]", "").strip()
