"""Names in the order in which people count."""

import re

_NUMBERS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Return a sort key by which "frame2" comes before "frame10"."""
    # text and numbers alternate, so that like is compared with like
    parts = _NUMBERS.split(name)
    return [int(part) if position % 2 else part for position, part in enumerate(parts)], name
