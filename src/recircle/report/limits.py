"""What bounds the size of a page, however many classes and clips there are and however long their names are.

Whatever one of these leaves out, the page says so where it is missing.
"""

import zlib
from collections.abc import Mapping
from dataclasses import replace

from recircle.evaluation.predictions import Predictions

LONGEST_NAME = 120
"""Characters of a class's or family's name; of longer ones the beginning is shown."""

MOST_ROWS = 1000
"""Rows of a table."""

MOST_CELLS = 50_000
"""Cells of the picture of all classes that are drawn: every one for up to 223 classes."""

MOST_WRITTEN = 25_000
"""Cells of all tables of families together."""

LONGEST_CONFIG = 100_000
"""Characters of a config.json."""

MOST_PICTURE_BYTES = 16_000_000
"""Bytes of a run's embedded pictures together."""


def brief(name: str) -> str:
    """Return a name, of a long one its beginning, its length and a checksum that tells it from others that begin so."""
    if len(name) <= LONGEST_NAME:
        return name
    checksum = zlib.crc32(name.encode("utf-8", "surrogatepass"))
    return f"{name[: LONGEST_NAME - 50]}… ({len(name):,} characters, {checksum:08x})"


def with_brief_names(predictions: Predictions) -> Predictions:
    """Return the same predictions under brief names of classes and families."""
    families: Mapping[str, str] = {brief(name): brief(family) for name, family in predictions.families.items()}
    return replace(predictions, classes=tuple(map(brief, predictions.classes)), families=families)
