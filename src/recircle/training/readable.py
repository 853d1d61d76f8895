"""A run that can read too few of its clips is stopped."""

import math
from collections.abc import Mapping
from pathlib import Path

from recircle.errors import UserError


def too_few(readable: float, clips: int, least: float) -> bool:
    """Tell whether `readable` of `clips` are none, or less than the share `least`."""
    # a share such as 0.7 of 10 is not quite 7 as a float
    return readable <= 0 or readable < least * clips - 1e-9


def check_readable(
    clips: int,
    broken: Mapping[str, str],
    *,
    least: float,
    purpose: str,
    manifest: Path,
    unnamed: int = 0,
    all_tried: bool = True,
) -> None:
    """Stop where too few clips can be read.

    Args:
        clips: how many there are, readable or not.
        broken: path and fault of those that cannot be read.
        least: the share that must be readable, in [0, 1]; one clip in any case.
        purpose: what they are for, such as "train on".
        manifest: where they are listed.
        unnamed: further clips that cannot be read.
        all_tried: whether the others can be read for certain.

    Raises:
        UserError: fewer can be read; it names the numbers, one of the faults, and what to do.
    """
    readable = clips - len(broken) - unnamed
    if not too_few(readable, clips, least):
        return
    example = next((f" (the first: {path}: {fault})" for path, fault in sorted(broken.items())), "")
    less = f", which is less than data.min_readable={least:g}" if readable > 0 else ""
    # rounded down, so that what is suggested would have been enough
    share = f" {math.floor(100 * readable / clips) / 100:g}" if all_tried else ""
    lower = f", or accept fewer with --data.min-readable{share}" if readable > 0 else ""
    count = f"{'only' if all_tried else 'at most'} {readable}" if readable > 0 else "none"
    raise UserError(
        f"{count} of the {clips} clips to {purpose} in {manifest} can be read{less}{example}: see that the clips are "
        f"where the manifest says, repair them or run `recircle index` again{lower}"
    )
