"""Which version of this package wrote a file, and what that says of one that cannot be read."""

import re
from pathlib import Path

from recircle import __version__

FIELD = "recircle"
"""Under this name files keep the version that wrote them."""


def upgrade_needed(source: str | Path, version: object) -> str | None:
    """Return the sentence that says to upgrade if a newer version wrote a file, and None if that is not why it fails.

    Args:
        source: the file.
        version: what stands in it under `FIELD`, whatever that is.
    """
    if not isinstance(version, str) or _release(version) <= _release(__version__):
        return None
    return f"{source} was written by recircle {version}, and this is {__version__}: upgrade recircle to read it"


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version such as 1.10.0rc1, without what follows them; none if it has none."""
    found = re.match(r"\d+(\.\d+)*", version)
    numbers = [] if found is None else [int(number) for number in found[0].split(".")]
    # 1.0 is 1.0.0
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
