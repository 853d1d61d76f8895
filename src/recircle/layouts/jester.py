"""Jester V1: 20bn-jester-v1/ID/*.jpg and lists of `ID;label`."""

from recircle.layouts.id_lists import IdLists

FRAMES = "20bn-jester-v1"
LABELS = "jester-v1-labels.csv"
LISTS = {
    "train": "jester-v1-train.csv",
    "val": "jester-v1-validation.csv",
    "test": "jester-v1-test.csv",
}
_LAYOUT = IdLists(FRAMES, LABELS, LISTS)
matches, find = _LAYOUT.matches, _LAYOUT.find
