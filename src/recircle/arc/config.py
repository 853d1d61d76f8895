"""What an ARC layer computes: one typed config for every variant of the paper's Table 4."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self, get_args

from recircle.public import public

Pooling = Literal["max", "mean", "soft"]
Aggregation = Literal["S", "T", "ST", "S+T"]
Interaction = Literal["additive", "multiplicative"]
AttentionModule = Literal["fc", "gru"]
Feedback = Literal["norm_act", "operator"]


@public
@dataclass(frozen=True, kw_only=True)
class ArcConfig:
    """The variant of the ARC layer (Lin et al., "Adaptive Recursive Circle Framework", Eq. 2-5 and Table 4).

    Attributes:
        steps: n, the number of recursive steps; a divisor of the output channels. 1 is the original layer.
        attention: recursive attention (RA, Eq. 4) on or off.
        fusion: recursive fusion (RF, Eq. 5) on or off. With both off the layer is the original one.
        embedding: the term W^e X of Eq. 3. None follows the published code, which has it only where attention and
            fusion are both on.
        pooling: how recursive attention pools; the paper says max, the published code takes the mean. "soft" is learned
            for each channel, between the two: `recircle.arc.attention.soft_pool`.
        aggregation: over what it pools: space, time, both jointly, or the broadcast sum of the first two.
        interaction: additive attention, state + A, or multiplicative, state * sigmoid(A).
        attention_module: the matrix W^a ("fc"), or a GRU whose hidden state is carried over the steps.
        negative_slope: of the leaky ReLU phi; 0 is a ReLU, and 1 is no activation: the state is then the sum of its
            terms.
        feedback: what is fed back: the features after the norm and activation that follow the operator, or the
            operator's bare output, as the equations are written.
        attention_init: standard deviation of W^a at initialisation; W^e and W^f start at zero.
        signed_input: keep the layer's function at initialisation for inputs that may be negative, by subtracting what
            the state update does to X when all matrices are zero. Where X >= 0 this changes nothing.
        causal: attention over time pools what has been so far alone, so that a network can run frame by frame; networks
            of this package set it by their own `causal`.
    """

    steps: int = 4
    attention: bool = True
    fusion: bool = True
    embedding: bool | None = None
    pooling: Pooling = "max"
    aggregation: Aggregation = "S+T"
    interaction: Interaction = "additive"
    attention_module: AttentionModule = "fc"
    negative_slope: float = 0.01
    feedback: Feedback = "norm_act"
    attention_init: float = 0.0
    signed_input: bool = False
    causal: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps={self.steps}: the number of recursive steps is 1 (the original layer) or more")
        if not 0 <= self.negative_slope <= 1:
            raise ValueError(f"negative_slope={self.negative_slope} must lie in [0, 1]; the paper's is 0.01")
        if self.attention_init < 0:
            raise ValueError(f"attention_init={self.attention_init} is a standard deviation; use 0 or more")
        for name, values in _CHOICES.items():
            value = getattr(self, name)
            if value not in values:
                raise ValueError(f"{name}={value!r} is not one of {', '.join(values)}")
        if self.causal and self.pooling == "soft":
            raise ValueError("causal=True has a running maximum and a running mean: use pooling='max' or 'mean'")

    @classmethod
    def paper(cls, **changes: Any) -> Self:
        """Return the layer as the paper states it: max pooling, leaky ReLU with slope 0.01."""
        return cls(**changes)

    @classmethod
    def published(cls, **changes: Any) -> Self:
        """Return the layer as the authors' scripts run it: mean pooling, ReLU."""
        return replace(cls(pooling="mean", negative_slope=0.0), **changes)

    @classmethod
    def light(cls, **changes: Any) -> Self:
        """Return the cheapest layer that keeps the gain: attention over space and time, without W^e and fusion.

        How it was chosen, and what is known of its gain, is in docs/studies/equal_time.md.
        """
        return replace(cls(fusion=False), **changes)

    @classmethod
    def temporal(cls, **changes: Any) -> Self:
        """Return the cheapest layer: attention over time alone in two steps, without W^e, fusion and phi."""
        return replace(cls(steps=2, fusion=False, aggregation="T", negative_slope=1.0), **changes)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """Return one of `PRESETS` by its name.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in PRESETS:
            raise ValueError(f"there is no ARC preset {name!r}; use one of {', '.join(PRESETS)}")
        return getattr(cls, name)(**changes)

    @property
    def preset_name(self) -> str | None:
        """The preset that this is, whatever its number of steps and whether it looks back alone, or None."""
        return next((name for name in PRESETS if self._is_preset(name)), None)

    def _is_preset(self, name: str) -> bool:
        return self.preset(name, steps=self.steps, causal=self.causal) == self

    def fields_in_use(self) -> dict[str, object]:
        """Return the fields that this variant reads, with their values."""
        idle = () if self.attention else _OF_ATTENTION
        if self.negative_slope == 1 and (self.interaction == "additive" or not self.attention):
            # the update takes nothing from X, whatever its sign
            idle = (*idle, "signed_input")
        if self.aggregation == "S":
            # nothing is pooled over time
            idle = (*idle, "causal")
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in idle}

    @property
    def embeds(self) -> bool:
        """Whether the term W^e X is there."""
        return self.evolves and (self.attention and self.fusion if self.embedding is None else self.embedding)

    @property
    def pools_over_time(self) -> bool:
        """Whether the state of a frame depends on other frames."""
        return self.evolves and self.attention and self.aggregation != "S"

    @property
    def evolves(self) -> bool:
        """Whether the state changes between steps; otherwise the layer is the original one."""
        return self.steps > 1 and (self.attention or self.fusion)


PRESETS = ("paper", "published", "light", "temporal")
"""Variants by name: as the paper states it, as its authors' scripts run it, without fusion, and the cheapest."""

_CHOICES: dict[str, Sequence[str]] = {
    "pooling": get_args(Pooling),
    "aggregation": get_args(Aggregation),
    "interaction": get_args(Interaction),
    "attention_module": get_args(AttentionModule),
    "feedback": get_args(Feedback),
}

_OF_ATTENTION = ("pooling", "aggregation", "interaction", "attention_module", "attention_init", "causal")
"""The fields that only recursive attention reads."""
