"""The generated benchmark: short videos of objects on a table, whose classes one frame does not give away.

24 classes in 6 families, in the manner of Something-Something: within a family the clips show the same things in the
same places, and only order, direction, amount or outcome tells the classes apart. `generate` writes real H.264 files
and a manifest; the same seed gives the same frames on any number of workers.
"""

from recircle.tabletop.actions import CLASSES, FAMILIES
from recircle.tabletop.config import SIZES, TabletopConfig, TabletopSize
from recircle.tabletop.generate import Progress, generate
from recircle.tabletop.long import LongConfig, generate_long

__all__ = [
    "CLASSES",
    "FAMILIES",
    "SIZES",
    "LongConfig",
    "Progress",
    "TabletopConfig",
    "TabletopSize",
    "generate",
    "generate_long",
]
