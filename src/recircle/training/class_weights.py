"""Classes of unequal numbers of clips: told, and weighted in the loss on request."""

from collections.abc import Mapping, Sequence

from recircle.words import counted

TOLD_FROM = 3.0
"""How many times the clips of the smallest class the largest has where it is told."""


def class_weights(clips: Sequence[int]) -> list[float]:
    """Return what a clip of each class counts in the loss, so that all classes count alike.

    It is clips / (classes * clips of the class), over the classes that have clips, so that its mean over the clips is
    1. A class without clips has 0.

    Args:
        clips: to learn from, of each class.
    """
    present = sum(count > 0 for count in clips)
    return [sum(clips) / (present * count) if count else 0.0 for count in clips]


def tell_classes(clips: Mapping[str, int], weights: Sequence[float] | None) -> list[str]:
    """Return, as lines for the person who trains, how unequal the classes are and what is done about it.

    Args:
        clips: to learn from, of each class.
        weights: of each class in the loss, or None.
    """
    present = {label: count for label, count in clips.items() if count}
    if not present:
        return []
    fewest, most = min(present, key=lambda label: present[label]), max(present, key=lambda label: present[label])
    if weights is not None:
        weight = dict(zip(clips, weights))
        rare = f"one of {fewest!r} {weight[fewest]:.2g}"
        return [f"classes weigh alike in the loss: a clip of {most!r} counts {weight[most]:.2g}, {rare}"]
    if present[most] < TOLD_FROM * present[fewest]:
        return []
    return [
        f"classes are unequal: from {counted(present[fewest], 'clip')} of {fewest!r} to {present[most]} of {most!r}; "
        "--class-weights balanced weighs them alike"
    ]
