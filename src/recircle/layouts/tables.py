"""What the lists that come with data sets share: names of splits, JSON, and what is said of labels and clips."""

import difflib
import json
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from recircle.errors import UserError
from recircle.manifest.text_table import read_text

# the names that folders and lists give to splits
SPLITS: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        UserError: it cannot be read, is not JSON, or an object in it has a key twice.
    """
    return parse_json(read_text(path), str(path))


def parse_json(text: str, where: str) -> Any:
    """Return a JSON value.

    Args:
        text: the value as JSON.
        where: what errors name.

    Raises:
        UserError: it is not JSON, or an object in it has a key twice.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))
            raise UserError(f"{where}: {twice!r} is there twice in one JSON object; remove one of the two")
        return content

    try:
        return json.loads(text, object_pairs_hook=unique)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{where} is not JSON: {error}") from None


def check_label(label: str, known: Collection[str], where: str, source: str | Path) -> str:
    """Return the label if it is a known class.

    Raises:
        UserError: it is not; the message names it.
    """
    if label not in known:
        close = difflib.get_close_matches(label.casefold(), {name.casefold(): name for name in known}, n=1)
        meant = next((name for name in known if close and name.casefold() == close[0]), "")
        hint = f"did you mean {meant!r}?" if meant else "correct one of the two"
        raise UserError(f"{where}: label {label!r} is not one of the {len(known)} in {source}; {hint}")
    return label


def warn_unlisted(folder: Path, names: Collection[str]) -> None:
    """Say how many clips lie on disk that no list names."""
    if names:
        some = ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
        warnings.warn(f"{folder}: {len(names)} clips on disk are in no list and are left out ({some})", stacklevel=3)
