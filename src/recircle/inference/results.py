"""What a network says of many clips, as a file: one row a clip, faults among them."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from recircle.decode.error import DecodeError
from recircle.errors import UserError
from recircle.files import atomic_write, make_folder
from recircle.inference.journal import Row, open_journal
from recircle.inference.recognition import Recognition
from recircle.inference.recognizer import Recognizer
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


def recognise_to_file(
    recognizer: Recognizer,
    paths: Sequence[Path],
    output: Path,
    *,
    top: int,
    workers: int = 2,
    progress: Callable[[int, int], object] | None = None,
    elsewhere: Callable[[Sequence[Path]], Iterable[Row]] | None = None,
) -> list[Row]:
    """Recognise clips and write one row for each; a call that was killed is taken up where it was by the same call.

    Rows are kept in a journal beside the file as they come, and the file is written in one step when all are there.
    JSON Lines has the objects that `recircle predict --json` prints. The tables have the columns path, label,
    probability, label_2, probability_2 and so on to the last of the `top` best, family, protocol, and error, which is
    empty where the clip could be read.

    Args:
        recognizer: what recognises.
        paths: the clips, whose order the rows have.
        output: a .csv, .jsonl or .parquet file.
        top: how many classes of each clip.
        workers: processes that decode ahead.
        progress: called with (clips done, clips in all) after each.
        elsewhere: recognises clips in the recogniser's place, with the same settings, and gives their rows in any
            order, each path's once.

    Returns:
        What was written, as `result_to_dict` has it.

    Raises:
        UserError: the file or its journal cannot be written, another process writes it, the journal is that of a call
            with other settings, or a path that is no Unicode cannot be held by Parquet.
    """
    with open_journal(output, {**recognizer.settings, "top": top}, paths) as journal:
        missing = [path for path in dict.fromkeys(paths) if str(path) not in journal.rows]
        done = len(paths) - len(missing)
        if elsewhere is None:
            found = recognizer.many(missing, workers=workers)
            rows: Iterable[Row] = (result_to_dict(path, result, top) for path, result in found)
        else:
            rows = elsewhere(missing)
        for number, row in enumerate(rows, done + 1):
            journal.add(row)
            if progress is not None:
                progress(number, len(paths))
        written = [journal.rows[str(path)] for path in paths]
        write_results(output, written, labels=recognizer.labels, top=top)
    return written


def write_results(path: Path, rows: Sequence[Row], *, labels: Sequence[str], top: int) -> None:
    """Write rows in one step: a reader finds the old file or the new, never a part.

    Args:
        path: a .csv, .jsonl or .parquet file.
        rows: as `result_to_dict` has them.
        labels: all classes of the network.
        top: how many classes of each clip.

    Raises:
        UserError: the file cannot be written, or a path that is no Unicode cannot be held by Parquet.
    """
    if path.suffix.lower() == ".jsonl":
        # escaped, so that bytes of a file name which are not UTF-8 come back
        atomic_write(path, "".join(json.dumps(row) + "\n" for row in rows))
    else:
        columns = _columns(min(top, len(labels)))
        write_rows(path, columns, [_flat(row, columns) for row in rows])


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
