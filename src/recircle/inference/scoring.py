"""Logits to recognitions: what those of a clip's views mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from recircle.evaluation.predictions import fuse
from recircle.evaluation.protocol import Fusion
from recircle.evaluation.provenance import Provenance
from recircle.inference.recognition import Recognition
from recircle.views.sampling import Sampling


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What makes recognitions of logits.

    Attributes:
        labels: the class of each logit.
        families: the family of a class, where it has one.
        fusion: how the views of a clip become one score.
        temperature: what logits are divided by before their softmax.
        provenance: how the network is run.
    """

    labels: tuple[str, ...]
    families: Mapping[str, str]
    fusion: Fusion
    temperature: float
    provenance: Provenance

    def clips(
        self, logits: Float[np.ndarray, "B V K"], previews: Sequence[tuple[bytes, ...]] | None = None
    ) -> list[Recognition]:
        """Return what was recognised in each clip; `previews` are pictures of each."""
        scores = fuse(logits, self.fusion, self.temperature)
        shown = previews if previews is not None else [()] * len(logits)
        return [self._one(*values) for values in zip(scores, logits, shown)]

    def so_far(self, logits: Float[np.ndarray, "V K"], sampling: Sampling) -> Recognition:
        """Return what was recognised in one clip that was sampled in a way of its own."""
        (score,) = fuse(logits[None], self.fusion, self.temperature)
        return replace(self._one(score, logits, ()), provenance=replace(self.provenance, sampling=sampling))

    def _one(
        self, probabilities: NDArray[np.float64], logits: NDArray[np.float32], preview: tuple[bytes, ...]
    ) -> Recognition:
        return Recognition(
            labels=self.labels,
            probabilities=probabilities,
            logits=logits,
            provenance=self.provenance,
            families=self.families,
            preview=preview,
        )
