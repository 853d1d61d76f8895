"""An ARC layer for inference whose state is X + A: an operator f that is linear gives f(X + A) = f(X) + f(A).

So f runs once on X for all steps. A is W^a times pooled features, and where these are pooled over time it has one frame
for all T: f(A) is the operator on that one frame, with weights that are f's times W^a and are made once.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from recircle.arc.clip_dims import ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.forms import ANY, Form
from recircle.arc.steps import Steps

SUPERPOSED = Form(
    {
        "steps": ANY,
        "attention": {True},
        "fusion": {False},
        "embedding": {None, False},
        "pooling": {"max", "mean"},
        "aggregation": {"T", "ST"},
        "interaction": {"additive"},
        "attention_module": {"fc"},
        "negative_slope": {1},
        "feedback": {"norm_act"},
        "attention_init": ANY,
        "signed_input": set(),
        "causal": {False},
    }
)
"""What `forward_superposed` knows. With no activation phi, `signed_input` is a field that is not read.

Where each frame has attention of its own, f(A) costs more than f on the state of the later steps.
"""


def superposes(config: ArcConfig, steps: Steps, clip_dims: ClipDims) -> bool:
    """Tell whether `forward_superposed` knows this variant, and every step reads all channels of single frames."""
    known = config.evolves and SUPERPOSED.takes(config)
    return known and len(set(steps.inputs)) == 1 and clip_dims.framewise


@torch.no_grad()
def weights_of_terms(weight: Tensor, attention: Tensor, steps: Steps) -> list[Tensor]:
    """Return for each step before the last the weight of z -> f(W^a z) for all later steps, z being its features.

    Args:
        weight: [c, Cin, ...], of the original layer.
        attention: W^a, [Cin, c - g].
        steps: of the layer.
    """
    width, places = steps.width, range(0, len(weight) - steps.width, steps.width)
    products = [torch.einsum("oc...,cf->of...", weight[k + width :], attention[:, k : k + width]) for k in places]
    last = weight.dim() == 4 and weight.is_contiguous(memory_format=torch.channels_last)
    return [p.contiguous(memory_format=torch.channels_last) if last else p.contiguous() for p in products]


def forward_superposed(
    x: Tensor,
    operate: Callable[[Tensor, int | None], Tensor],
    act: nn.Module | None,
    config: ArcConfig,
    steps: Steps,
    clip_dims: ClipDims,
) -> Tensor:
    """Compute what `recurse` does for a layer without a norm.

    Args:
        x: the input X.
        operate: the operator on folded frames: with all weights of the layer for None, or with those of a term, by its
            place in `weights_of_terms`.
        act: the activation after the operator.
        config: a variant that `superposes`, like `steps` and `clip_dims`.
        steps: of the layer.
        clip_dims: the layout of `x` and of the features.
    """
    y = clip_dims.unfold(operate(clip_dims.fold(x), None), x)
    (over,) = clip_dims.pooled_dims(config.aggregation)
    channel, width = clip_dims.channel, steps.width
    features: list[Tensor] = []
    terms: dict[int, Tensor] = {}
    for j in range(config.steps):
        z = y.narrow(channel, j * width, width)
        if j:
            z = clip_dims.add(z, terms[j], over=(clip_dims.time,))
        if act is not None:
            z = act(z.clone() if getattr(act, "inplace", False) else z)
        features.append(z)
        if j < config.steps - 1:
            pooled = clip_dims.resize(_pool(z, over, config, clip_dims, x), x)
            made = clip_dims.unfold(operate(clip_dims.fold(pooled), j), pooled)
            for k, term in enumerate(made.split(width, channel), start=j + 1):
                terms[k] = terms[k] + term if k in terms else term
    return clip_dims.concat(features)


def _pool(features: Tensor, over: tuple[int, ...], config: ArcConfig, clip_dims: ClipDims, like: Tensor) -> Tensor:
    if config.pooling == "mean" or not clip_dims.framewise:
        return clip_dims.pool(features, over, config.pooling, like)
    # in the order in which they lie in memory, which is ten times as fast on a CPU as in that of the dimensions
    rows, channel = features.movedim(clip_dims.channel, -1), clip_dims.channel
    return rows.amax([d - (d > channel) for d in over], keepdim=True).movedim(-1, channel)
