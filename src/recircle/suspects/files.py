"""The suspects of a run as a table or as JSON."""

import json
from pathlib import Path
from typing import Any

from recircle.errors import UserError
from recircle.files import atomic_write, make_folder
from recircle.manifest.table import write_rows
from recircle.suspects.find import Suspects

COLUMNS: dict[str, type] = {
    "kind": str,
    "rank": int,
    "clip": str,
    "label": str,
    "likely": str,
    "confidence": float,
    "likely_confidence": float,
    "suspected": str,
    "other": str,
    "distance": float,
}


def check_suspects(path: Path) -> None:
    """Insist on a file that `write_suspects` can write.

    Raises:
        UserError: the suffix is another.
    """
    if path.suffix.lower() not in (".csv", ".json"):
        raise UserError(f"{path}: suspects are written as .csv or .json; name the file so")


def write_suspects(path: Path, found: Suspects) -> None:
    """Write all doubts and duplicates, the most doubtful first.

    Each row is of a `kind`: "label", a clip whose label may be wrong, with its likeliest other class, the probabilities
    of both, and whether confident learning takes the label for wrong; or "duplicate", with the clip to train on that it
    is near to (`other`), the class of that (`likely`) and their distance.

    Raises:
        UserError: the file cannot be written.
    """
    rows = suspect_rows(found)
    make_folder(path.parent)
    if path.suffix.lower() == ".json":
        atomic_write(
            path, json.dumps([{k: v for k, v in row.items() if v not in ("", None)} for row in rows], indent=1)
        )
    else:
        write_rows(path, COLUMNS, rows)


def suspect_rows(found: Suspects) -> list[dict[str, Any]]:
    """Return the rows of the table, each with all columns."""
    empty: dict[str, Any] = {name: "" if kind is str else None for name, kind in COLUMNS.items()}
    labels = [
        empty
        | {
            "kind": "label",
            "rank": rank,
            "clip": doubt.clip,
            "label": doubt.label,
            "likely": doubt.likely,
            "confidence": round(doubt.confidence, 6),
            "likely_confidence": round(doubt.likely_confidence, 6),
            "suspected": "yes" if doubt.suspected else "no",
        }
        for rank, doubt in enumerate(found.doubts, 1)
    ]
    duplicates = [
        empty
        | {
            "kind": "duplicate",
            "rank": rank,
            "clip": pair.clip,
            "label": pair.label,
            "likely": pair.other_label,
            "other": pair.other,
            "distance": round(pair.distance, 4),
        }
        for rank, pair in enumerate(found.duplicates, 1)
    ]
    return labels + duplicates
