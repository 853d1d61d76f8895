"""f(X + A) = f(X) + f(A) for the maps of frames where nothing is recorded, in as few calls as there can be.

A step's features are act(f(X) + f(A)), and f(A) is the same in all frames. Where act never falls, their maximum over
time is act(max f(X) + f(A)): one maximum of f(X) serves all steps, each of which sees one frame, and what they add is
added to all frames at once. On small maps calls take longer than what they compute, and on large ones passes over all
frames go to memory. Compiled, passes are joined anyway, and those of `superposed` are fewer.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from recircle.arc.clip_dims import FRAMES_2D, ClipDims
from recircle.arc.config import ArcConfig
from recircle.arc.steps import Steps


def never_falls(act: nn.Module | None) -> bool:
    """Tell whether the maximum of an activation is known to be the activation of the maximum."""
    return act is None or type(act) is nn.ReLU


def knows_frames(act: nn.Module | None, config: ArcConfig, clip_dims: ClipDims) -> bool:
    """Tell whether `forward_frames` computes a layer of this variant, one that `superposes`."""
    return clip_dims == FRAMES_2D and config.pooling == "max" and config.aggregation == "T" and never_falls(act)


def forward_frames(
    x: Tensor, clips: int, operate: Callable[[Tensor, int | None], Tensor], act: nn.Module | None, steps: Steps
) -> Tensor:
    """Compute what `forward_superposed` does, not differentiable.

    Args:
        x: the frames of all clips, [B T, Cin, H, W].
        clips: B.
        operate: see `forward_superposed`.
        act: one that `never_falls`.
        steps: of the layer.

    Returns:
        Y, [B T, c, h, w].
    """

    def fed(z: Tensor) -> Tensor:
        z = z if act is None else z.relu()
        return z if z.shape[2:] == x.shape[2:] else F.interpolate(z, size=x.shape[2:], mode="nearest")

    y, width = operate(x, None), steps.width
    highest = _highest(y, clips)
    # what all steps after the first get from those before them
    sums = operate(fed(highest.narrow(1, 0, width)), 0)
    for j in range(1, len(steps.inputs) - 1):
        term = operate(fed(highest.narrow(1, j * width, width) + sums.narrow(1, (j - 1) * width, width)), j)
        sums.narrow(1, j * width, term.shape[1]).add_(term)
    later = y.narrow(1, width, sums.shape[1])
    if clips == 1:
        later.add_(sums)
    else:
        later.unflatten(0, (clips, -1)).add_(sums.unsqueeze(1))
    return y if act is None else y.relu_()


def _highest(y: Tensor, clips: int) -> Tensor:
    """Return the maximum over the frames of each clip, [B, c, h, w]."""
    rows, (_, channels, height, width) = y.permute(0, 2, 3, 1), y.shape
    if not rows.is_contiguous():
        return y.unflatten(0, (clips, -1)).amax(1)
    # as one long row a frame, which is ten times as fast on a CPU as over its dimensions
    highest = rows.view(clips, -1, height * width * channels).amax(1)
    return highest.view(clips, height, width, channels).permute(0, 3, 1, 2)
