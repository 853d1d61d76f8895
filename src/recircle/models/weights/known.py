"""One row of the table of known weights."""

from dataclasses import dataclass

from recircle.checksums import Checksum
from recircle.models.weights.homes import Home

NOT_STATED = "not stated"


@dataclass(frozen=True, kw_only=True)
class KnownWeights:
    """Published weights: what is known of them, and where each fact stands.

    Attributes:
        name: what `pretrained` may call them.
        data: what they were trained on, which `pretrained` may say instead: "imagenet", "kinetics400". Of several that
            fit a network, the first in the table is taken.
        fits: networks that take them, by the names they have without ARC.
        home: where they are.
        checksum: None where none is published; the first use then records one.
        size: as published, such as "44.7 MiB"; empty where it is not.
        licence: as stated for the weights themselves; in brackets that of the code beside them.
        accuracy: top-1 as published, with its protocol.
        stated: where address, checksum, licence and accuracy were read.
        note: what else one must know.
    """

    name: str
    data: str
    fits: tuple[str, ...]
    home: Home
    checksum: Checksum | None = None
    size: str = ""
    licence: str = NOT_STATED
    accuracy: str = NOT_STATED
    stated: str
    note: str = ""

    def fits_network(self, name: str) -> bool:
        """Tell whether a network takes them; one with ARC takes those of its host."""
        return name.removeprefix("arc_") in self.fits
