"""What a network says about one clip."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recircle.evaluation.provenance import Provenance
from recircle.inference.show import recognition_html
from recircle.public import public
from recircle.terminal import visible


@public
@dataclass(frozen=True, kw_only=True)
class Recognition:
    """Probabilities of the classes for one clip.

    Attributes:
        labels: the K classes.
        probabilities: float64 [K], summing to 1: the views' logits fused as the protocol says.
        logits: float32 [V, K], of each view.
        provenance: how the network was run.
        families: the family of a class, where it has one.
        preview: a few frames that the network saw, as small JPEG files, for notebooks.
    """

    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    logits: NDArray[np.float32]
    provenance: Provenance
    families: Mapping[str, str] = field(default_factory=dict)
    preview: tuple[bytes, ...] = field(default=(), repr=False, compare=False)

    @property
    def protocol(self) -> str:
        """Views and fusion in words."""
        return self.provenance.protocol_words

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.top(1)[0][0]

    @property
    def probability(self) -> float:
        """The probability of the likeliest class."""
        return self.top(1)[0][1]

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """Return the k likeliest classes (all of them, where there are fewer) with their probabilities, best first.

        Raises:
            ValueError: k is below 1.
        """
        if k < 1:
            raise ValueError(f"k={k} must be 1 or more")
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(self.labels[i], float(self.probabilities[i])) for i in order]

    def __str__(self) -> str:
        best = ", ".join(f"{visible(label)} {probability:.1%}" for label, probability in self.top(3))
        return f"{best} ({self.protocol})"

    def _repr_html_(self) -> str:
        """Show the frames and the likeliest classes in a notebook."""
        return recognition_html(self.preview, self.top(5), self.protocol)

    def to_dict(self, k: int = 5) -> dict[str, Any]:
        """Return plain values for JSON: label, probability, family if there is one, the k best, and the protocol."""
        family = {"family": self.families[self.label]} if self.label in self.families else {}
        best = [{"label": label, "probability": probability} for label, probability in self.top(k)]
        return {
            "label": self.label,
            "probability": self.probability,
            **family,
            "top": best,
            "protocol": self.protocol,
        }
