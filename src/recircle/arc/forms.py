"""Fast forms of the layer opt in: each lists the variants that it knows, and all others get the general form."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from recircle.arc.config import ArcConfig


class _Any(Collection[object]):
    def __contains__(self, value: object) -> bool:
        return True

    def __iter__(self):
        raise TypeError("all values cannot be listed")

    def __len__(self) -> int:
        raise TypeError("all values cannot be counted")


ANY = _Any()
"""All values that a field can have."""


@dataclass(frozen=True)
class Form:
    """A fast way to compute the layer.

    Attributes:
        knows: for each field of `ArcConfig` the values that the form computes right. A field or a value that is not
            listed is not known, so a new option cannot be passed over in silence.
    """

    knows: Mapping[str, Collection[object]]

    def takes(self, config: ArcConfig) -> bool:
        """Tell whether the form knows a variant: all values of the fields that the variant reads."""
        return all(value in self.knows.get(name, ()) for name, value in config.fields_in_use().items())
