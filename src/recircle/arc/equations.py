"""The ARC layer as the paper writes it, to read and to test against: full-size maps, nothing kept, nothing reused."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.arc.clip_dims import ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.matrices import ArcMatrices


def arc_as_written(
    x: Tensor, generate: Callable[[int, Tensor], Tensor], m: ArcMatrices, config: ArcConfig, clip_dims: ClipDims
) -> Tensor:
    """Compute Eq. 2-5: X_{j+1} = phi(phi(X + W^e X + A_j) + F_j) and G_j = f(X_j).

    Args:
        x: the input X.
        generate: f with the weights of step j, counted from 0: G_j = generate(j, X_j).
        m: W^e, W^a (as a matrix) and W^f.
        config: the variant; `signed_input` is not looked at.
        clip_dims: the layout of `x` and of the features. The operator has no groups.

    Returns:
        Y, the concatenated features.
    """
    channel = clip_dims.channel

    def times(matrix: Tensor, z: Tensor) -> Tensor:
        return F.linear(z.movedim(channel, -1), matrix).movedim(-1, channel)

    def pool(z: Tensor, dims: tuple[int, ...], learned: Tensor | None) -> Tensor:
        time = clip_dims.time
        if config.causal and time in dims:
            seen = [z.narrow(time, 0, frame + 1) for frame in range(z.shape[time])]
            return torch.cat([pool_whole(frames, dims, learned) for frames in seen], time).expand_as(z)
        return pool_whole(z, dims, learned).expand_as(z)

    def pool_whole(z: Tensor, dims: tuple[int, ...], learned: Tensor | None) -> Tensor:
        if config.pooling == "soft":
            assert learned is not None
            scores = (z.movedim(channel, -1) * F.softplus(learned)).movedim(-1, channel).exp()
            return (scores * z).sum(dims, keepdim=True) / scores.sum(dims, keepdim=True)
        return z.amax(dims, keepdim=True) if config.pooling == "max" else z.mean(dims, keepdim=True)

    features = [generate(0, x)]
    for j in range(1, config.steps):
        fed = clip_dims.resize(clip_dims.concat(features), x)
        columns = slice(0, fed.shape[channel])
        state = x if m.embedding is None else x + times(m.embedding, x)
        if m.attention is not None:
            assert isinstance(m.attention, Tensor)
            learned = None if m.pooling is None else m.pooling[columns]
            over = clip_dims.pooled_dims(config.aggregation)
            pooled = torch.stack([pool(fed, dims, learned) for dims in over]).sum(0)
            attention = times(m.attention[:, columns], pooled)
            state = state + attention if config.interaction == "additive" else state * torch.sigmoid(attention)
        state = F.leaky_relu(state, config.negative_slope)
        if m.fusion is not None:
            state = state + times(m.fusion[:, columns], fed)
        features.append(generate(j, F.leaky_relu(state, config.negative_slope)))
    return clip_dims.concat(features)
