"""Whether a map shows what a network has learnt: it must change when the weights do.

A map that stays as it is when the layers that made the decision are randomised shows edges of the input rather than
reasons (Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018).
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from recircle.explain.activation import class_activation
from recircle.models.base import VideoModel


@dataclass(frozen=True)
class Randomised:
    """A part of a network whose weights were shuffled, and how much the map is still that of the network.

    Attributes:
        part: the name of the part; those of the entries before it are shuffled too.
        correlations: Spearman's rank correlation of the evidence with that of the network, for each draw.
    """

    part: str
    correlations: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean over the draws: near 0 as it should be, 1 where nothing has changed."""
        return float(np.mean(self.correlations))


def randomisation_check(
    model: VideoModel, clip: Float[Tensor, "T 3 H W"], target: int | None = None, *, draws: int = 10, seed: int = 0
) -> list[Randomised]:
    """Shuffle the weights of a network from the classifier backwards, and compare class activation maps.

    Each tensor keeps its values and loses their order, so that activations keep their scale. A single draw says little:
    where the features of a clip are alike in all places but one, all maps show that place, in favour of the class or
    against it.

    Args:
        model: any network of this package; it stays as it is.
        clip: normalised, on the network's device.
        target: the class; None is the one that `model` predicts.
        draws: how often the weights are shuffled.
        seed: of the shuffling.

    Returns:
        For the classifier and each part of the trunk, the last first, what is left with it shuffled too.
    """
    original = class_activation(model, clip, target)
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, list[float]] = {}
    for _ in range(draws):
        shuffled = copy.deepcopy(model)
        for name, part in _parts(shuffled):
            _shuffle(part, generator)
            other = class_activation(shuffled, clip, original.target)
            found.setdefault(name, []).append(rank_correlation(original.evidence, other.evidence))
    return [Randomised(name, tuple(correlations)) for name, correlations in found.items()]


def shuffle_weights(model: VideoModel, generator: torch.Generator) -> None:
    """Shuffle all weights of a network, each tensor by itself."""
    for _, part in _parts(model):
        _shuffle(part, generator)


def rank_correlation(a: Shaped[np.ndarray, "*places"], b: Shaped[np.ndarray, "*places"]) -> float:
    """Return Spearman's rank correlation of the values of two arrays; 0 where one is constant."""
    ranks = [_ranks(values.ravel()) for values in (a, b)]
    x, y = (r - r.mean() for r in ranks)
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm else 0.0


def _ranks(values: Shaped[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    """Return the rank of each value; equal ones share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def _parts(model: VideoModel) -> list[tuple[str, nn.Module]]:
    """Return the network's parts that have weights, the classifier first, then the trunk from its end."""
    trunk = [
        (name, part) for name, part in model.named_children() if name != "fc" and any(True for _ in part.parameters())
    ]
    return [("fc", model.fc), *reversed(trunk)]


@torch.no_grad()
def _shuffle(part: nn.Module, generator: torch.Generator) -> None:
    for parameter in part.parameters():
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        parameter.copy_(parameter.flatten()[order].view_as(parameter))
