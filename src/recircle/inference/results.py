"""What a network says of many clips, as a file: one row a clip, faults among them."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from recircle.decode.error import DecodeError
from recircle.errors import UserError
from recircle.files import atomic_write, make_folder
from recircle.inference.recognition import Recognition
from recircle.manifest.table import is_parquet, write_rows

SUFFIXES = (".csv", ".jsonl", ".parquet")


def check_results(path: Path) -> None:
    """Insist on a file that `write_results` can write, before the work is done; its folder is made.

    Raises:
        UserError: the suffix is none of those known, pyarrow is missing for .parquet, or the folder cannot be made.
    """
    if path.suffix.lower() not in SUFFIXES:
        tasks = "; --format label-studio writes tasks as .json" if path.suffix.lower() == ".json" else ""
        raise UserError(f"{path}: results are written as {', '.join(SUFFIXES)}; name the file so{tasks}")
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the name of a file")
    if path.suffix.lower() != ".jsonl":
        is_parquet(path)
    make_folder(path.parent)


def result_to_dict(path: Path, result: Recognition | DecodeError, top: int) -> dict[str, Any]:
    """Return plain values for JSON: the path, and what was recognised or the error."""
    if isinstance(result, DecodeError):
        return {"path": str(path), "error": result.reason}
    return {"path": str(path), **result.to_dict(top)}


def write_results(
    path: Path, results: Iterable[tuple[Path, Recognition | DecodeError]], *, labels: Sequence[str], top: int
) -> list[dict[str, Any]]:
    """Write one row a clip, in one step: a reader finds the old file or the new, never a part.

    JSON Lines has the objects that `recircle predict --json` prints. The tables have the columns path, label,
    probability, label_2, probability_2 and so on to the last of the `top` best, family, protocol, and error, which is
    empty where the clip could be read.

    Args:
        path: a .csv, .jsonl or .parquet file.
        results: of the clips.
        labels: all classes of the network.
        top: how many classes of each clip.

    Returns:
        What was written, as `result_to_dict` has it.

    Raises:
        UserError: the file cannot be written, or a path that is no Unicode cannot be held by Parquet.
    """
    rows = [result_to_dict(clip, result, top) for clip, result in results]
    if path.suffix.lower() == ".jsonl":
        # escaped, so that bytes of a file name which are not UTF-8 come back
        atomic_write(path, "".join(json.dumps(row) + "\n" for row in rows))
    else:
        columns = _columns(min(top, len(labels)))
        write_rows(path, columns, [_flat(row, columns) for row in rows])
    return rows


def _columns(top: int) -> dict[str, type]:
    columns: dict[str, type] = {"path": str, "label": str, "probability": float}
    for place in range(2, top + 1):
        columns |= {f"label_{place}": str, f"probability_{place}": float}
    return columns | {"family": str, "protocol": str, "error": str}


def _flat(row: dict[str, Any], columns: dict[str, type]) -> dict[str, Any]:
    values: dict[str, Any] = {name: "" if kind is str else None for name, kind in columns.items()}
    values |= {name: value for name, value in row.items() if name in columns}
    for place, best in enumerate(row.get("top", ())[1:], 2):
        values |= {f"label_{place}": best["label"], f"probability_{place}": best["probability"]}
    return values
