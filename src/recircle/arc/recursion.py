"""The recursive circle: features and state by turns (Eq. 2-5 of the paper), for any operator; the general form."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from recircle.arc.attention import Attention
from recircle.arc.clip_dims import ClipDims, part
from recircle.arc.config import ArcConfig
from recircle.arc.fusion import RunningSum
from recircle.arc.matrices import ArcMatrices
from recircle.arc.running import RunningPool
from recircle.arc.steps import Steps


def recurse(
    x: Tensor,
    generate: Callable[[int, Tensor], Tensor],
    matrices: ArcMatrices,
    config: ArcConfig,
    steps: Steps,
    clip_dims: ClipDims,
    running: RunningPool,
) -> Tensor:
    """Compute the features of all steps and concatenate them in the channel order of the original layer.

    Args:
        x: the input X, the initial state.
        generate: G_j = generate(j, X_j), the features of step j from the part of the state that it reads.
        matrices: W^e, W^a, W^f.
        config: the variant.
        steps: which channels each step reads and makes.
        clip_dims: the layout of `x` and of the features.
        running: pools over time where the variant looks back alone.

    Returns:
        Y, the concatenated features.
    """
    channel = clip_dims.channel
    evolving = part(x, channel, steps.first, x.shape[channel] - steps.first)
    base = evolving if matrices.embedding is None else clip_dims.pointwise_onto(evolving, x, matrices.embedding)
    rest = _rest(evolving, config) if config.fields_in_use().get("signed_input") else None
    attends = matrices.attention is not None
    attention = Attention(x, matrices, config, steps, clip_dims, running) if attends else None
    fusion = None if matrices.fusion is None else RunningSum(matrices.fusion, clip_dims, steps)

    features = [generate(0, part(x, channel, *steps.inputs[0]))]
    for start, length in steps.inputs[1:]:
        rows = (start - steps.first, length)
        state = part(base, channel, *rows)
        if attention is not None:
            attention.add(features[-1])
            state = attention.applied_to(state, rows)
        if fusion is None:
            # phi of phi is a leaky ReLU too
            state = _phi(state, config.negative_slope**2)
        else:
            fusion.add(features[-1])
            state = clip_dims.add(_phi(state, config.negative_slope), fusion.at(rows))
            state = _phi(state, config.negative_slope)
        if rest is not None:
            state = state + part(rest, channel, *rows)
        features.append(generate(len(features), state))
    return clip_dims.concat(features)


def _phi(x: Tensor, slope: float) -> Tensor:
    if slope == 1:
        return x
    return F.leaky_relu(x, slope) if slope else F.relu(x)


def _rest(x: Tensor, config: ArcConfig) -> Tensor:
    """Return what the update takes from X when all matrices are zero; nothing where X >= 0 and A is added."""
    neutral = 0.5 * x if config.attention and config.interaction == "multiplicative" else x
    return x - _phi(neutral, config.negative_slope**2)
