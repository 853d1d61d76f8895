"""What the labels of a list look like: several of one clip, words for a missing one, numbers."""

import re
import warnings
from collections import defaultdict

from recircle.errors import UserError
from recircle.layouts.columns import Columns

# how tools write that there is no value
_MISSING = frozenset({"nan", "NaN", "NAN", "null", "NULL", "N/A", "n/a", "#N/A", "NA", "<NA>", "None"})
_SEVERAL = "several labels of a clip are not read; give each clip one"


def check_single_labels(columns: Columns) -> None:
    """Insist that no label is several: numbers, a list of a programming language, or joined labels of other clips.

    Names that are joined by commas are a class of their own, with a warning, as sentences have commas too.

    Raises:
        UserError: so it is.
    """
    places: dict[str, str] = {}
    for record in columns.table.records:
        if label := columns.value(record, "label"):
            places.setdefault(label, record.where)
    for label, where in places.items():
        if re.fullmatch(r"\[?\s*\d+(\s*[ ,;|]\s*\d+)+\s*\]?", label):
            raise UserError(f"{where}: label {label!r} is several numbers, and {_SEVERAL}")
        if re.fullmatch(r"""[\[({]\s*(['"]).*\1\s*[\])}]|\[[\d\s,]*\]""", label):
            raise UserError(f"{where}: label {label!r} is a list, and {_SEVERAL}")
    for mark in "|;":
        if joined := _joined(places, mark):
            label = joined[0]
            raise UserError(
                f"{places[label]}: label {label!r} is made of labels that other clips have, and {_SEVERAL} (if it is "
                f"the name of one class, write it without {mark!r})"
            )
    if joined := _joined(places, ","):
        warnings.warn(
            f"{columns.table.source}: {len(joined)} labels are made of others, such as {joined[0]!r}; each is taken "
            "for a class of its own, as several labels of a clip are not read",
            stacklevel=3,
        )


def tell_labels(columns: Columns, *, are_named: bool) -> None:
    """Say which labels are words for a missing one, and that labels are numbers where no list of classes names them."""
    source = columns.table.source
    labels = [label for record in columns.table.records if (label := columns.value(record, "label"))]
    missing = [label for label in labels if label in _MISSING]
    if missing and len(missing) < len(labels):
        warnings.warn(
            f"{source}: {'1 clip has' if len(missing) == 1 else f'{len(missing)} clips have'} the label "
            f"{missing[0]!r}, which is taken for a class; if it says that there is none, leave the field empty",
            stacklevel=3,
        )
    if labels and not are_named and all(re.fullmatch(r"[+-]?\d+(\.\d*)?", label) for label in labels):
        odd = sorted({label for label in labels if not label.isdigit()})
        some = f" and {odd[0]!r} is a class like others" if odd else ""
        warnings.warn(f"{source}: labels are numbers{some}; give the list of class names to see names", stacklevel=3)


def _joined(labels: dict[str, str], mark: str) -> list[str]:
    """Return the labels of several parts, one of which is a label too, or but for a comma a part of another."""
    parts = {label: [part.strip() for part in label.split(mark)] for label in labels}
    users: dict[str, set[str]] = defaultdict(set)
    for label, found in parts.items():
        for part in found:
            users[part].add(label)
    known = {part for part, used_by in users.items() if part and (part in labels if mark == "," else len(used_by) > 1)}
    return [label for label, found in parts.items() if len(found) > 1 and not known.isdisjoint(found)]
