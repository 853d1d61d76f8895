"""Numbers in sentences."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number and what it counts: "1 clip", "2 clips"; `many` where an s is not enough."""
    return f"{number} {one if number == 1 else many or one + 's'}"
