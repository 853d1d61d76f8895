"""What a network sees in a clip: the evolving states of its ARC layers, and class activation maps (Fig. 3 and 4)."""

from recircle.explain.activation import ClassActivation, class_activation
from recircle.explain.explain import Explanation, Seen, explain
from recircle.explain.sanity import Randomised, randomisation_check
from recircle.explain.states import StateEvolution, arc_layers, state_evolution

__all__ = [
    "ClassActivation",
    "Explanation",
    "Randomised",
    "Seen",
    "StateEvolution",
    "arc_layers",
    "class_activation",
    "explain",
    "randomisation_check",
    "state_evolution",
]
