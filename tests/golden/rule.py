"""The rule that draws each weight of a golden vector from its name, and each input from a seed (golden-vectors/1)."""

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def weight(key: str, shape: Sequence[int], rule: str) -> NDArray[Any]:
    """Return the weight of a state-dict key in float64 (int64 for counters).

    Raises:
        ValueError: the rule is not one of golden-vectors/1.
    """
    if rule == "zero":
        return np.zeros(shape, np.int64)
    n = np.random.RandomState(zlib.crc32(key.encode()) & 0x7FFFFFFF).standard_normal(tuple(shape))
    kind, *numbers = rule.replace("*", ":").split(":")
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = []
    if len(values) != len(numbers) or len(values) not in _NUMBERS.get(kind, ()):
        raise ValueError(f"{key}: the rule {rule!r} is not known")
    gain = values[0] if values else 1.0
    match kind:
        case "conv":
            return gain * n * math.sqrt(2 / math.prod(shape[1:]))
        case "bn_weight":
            return gain * (1 + 0.1 * n)
        case "bias" | "running_mean":
            return 0.1 * n
        case "running_var":
            return 1 + 0.1 * abs(n)
        case "scaled":
            return gain * n
        case _:
            return gain + values[1] * n


_NUMBERS = {
    "conv": (0, 1),
    "bn_weight": (0, 1),
    "bias": (0,),
    "running_mean": (0,),
    "running_var": (0,),
    "scaled": (1,),
    "affine": (2,),
}
"""How many numbers each kind of rule takes."""


def draw_input(seed: int, shape: Sequence[int]) -> NDArray[np.float64]:
    """Return the input of a case, in float64."""
    return np.random.RandomState(seed).standard_normal(tuple(shape))
