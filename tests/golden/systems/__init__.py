"""How each system of the golden vectors is built here: one module each.

A module's `BUILDERS` maps a pattern of the system's name to a function that takes the name, the config of a case and
its weights under their published names (without `module.`), and returns a module from the case's input [B, T, ...] to
its output, with those weights, in their dtype.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from tests.golden.systems.building import UnknownSystemError, Weights

Builder = Callable[[str, Mapping[str, Any], Weights], nn.Module]

MODULES = [
    importlib.import_module(f"{__name__}.{path.stem}") for path in sorted(Path(__file__).parent.glob("[!_]*.py"))
]
BUILDERS: dict[str, Builder] = {
    pattern: builder for module in MODULES for pattern, builder in getattr(module, "BUILDERS", {}).items()
}


def build(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Return the system of a case in evaluation mode, in the dtype of its weights.

    Raises:
        UnknownSystemError: no builder knows the system or this config of it.
        ValueError: the weights do not fit.
    """
    for pattern, builder in BUILDERS.items():
        if re.fullmatch(pattern, system):
            return builder(system, config, weights).eval()
    raise UnknownSystemError(f"the system {system!r} is not known; known are {', '.join(BUILDERS)}")
