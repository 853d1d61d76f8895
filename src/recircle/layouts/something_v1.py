"""Something-Something V1: 20bn-something-something-v1/ID/*.jpg and lists of `ID;label`."""

from recircle.layouts.id_lists import IdLists, read_labels, read_list

__all__ = ["FRAMES", "LABELS", "LISTS", "find", "matches", "read_labels", "read_list"]

FRAMES = "20bn-something-something-v1"
LABELS = "something-something-v1-labels.csv"
LISTS = {
    "train": "something-something-v1-train.csv",
    "val": "something-something-v1-validation.csv",
    "test": "something-something-v1-test.csv",
}
_LAYOUT = IdLists(FRAMES, LABELS, LISTS)
matches, find = _LAYOUT.matches, _LAYOUT.find
