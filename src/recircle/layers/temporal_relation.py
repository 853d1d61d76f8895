"""Temporal relation heads (Zhou et al., "Temporal Relational Reasoning in Videos", ECCV 2018)."""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn

MOST_FRAMES = 16
"""All subsets of the frames take part when some are drawn, and their number doubles with each frame."""


class TemporalRelation(nn.Module):
    """The relation of a fixed number of frames: ReLU, linear, ReLU, linear on their concatenated features."""

    def __init__(self, features: int, frames: int, num_classes: int, *, hidden: int = 512) -> None:
        """Build the head.

        Args:
            features: D, of each frame.
            frames: how many there are.
            num_classes: K.
            hidden: width between the linear layers; the published single-scale head has 512, the scales of a
                multi-scale one have 256.

        Raises:
            ValueError: there is no frame.
        """
        super().__init__()
        if frames < 1:
            raise ValueError(f"frames={frames}: a relation is of 1 frame or more")
        self.frames = frames
        self.act1 = nn.ReLU()
        self.hidden = nn.Linear(frames * features, hidden)
        self.act2 = nn.ReLU()
        self.output = nn.Linear(hidden, num_classes)

    def forward(self, x: Float[Tensor, "*N T D"]) -> Float[Tensor, "*N K"]:
        """Return [..., K] for features [..., frames, D].

        Raises:
            ValueError: there are more or fewer frames.
        """
        _check_frames(x, self.frames)
        return self.output(self.act2(self.hidden(self.act1(x.flatten(-2)))))


class MultiScaleRelation(nn.Module):
    """The sum of the relations of all T frames, and of some subsets of T-1, of T-2, ..., and of 2 of them, in order.

    Which subsets: in training they are drawn anew in each forward, without replacement. In evaluation they are fixed:
    with all subsets of a size in lexicographic order, those in the middle of each of `subsets` equal parts. The
    published code draws them in evaluation too, so its results differ from run to run. It sums over the subsets, as is
    done here; the paper writes of an average.

    The weights depend on T, so it takes clips of T frames only.
    """

    def __init__(self, features: int, frames: int, num_classes: int, *, hidden: int = 256, subsets: int = 3) -> None:
        """Build the head.

        Args:
            features: D, of each frame.
            frames: T, 2 to 16.
            num_classes: K.
            hidden: width between the linear layers of each scale.
            subsets: how many subsets of each scale smaller than T are used, where there are so many.

        Raises:
            ValueError: frames or subsets are out of range.
        """
        super().__init__()
        if not 2 <= frames <= MOST_FRAMES:
            raise ValueError(f"frames={frames}: relations are of 2 to {MOST_FRAMES} frames")
        if subsets < 1:
            raise ValueError(f"subsets={subsets}: give 1 or more")
        self.frames = frames
        self.subsets = subsets
        self.scales = nn.ModuleList(
            TemporalRelation(features, scale, num_classes, hidden=hidden) for scale in range(frames, 1, -1)
        )
        self.fixed = [fixed_subsets(frames, scale, subsets) for scale in range(frames - 1, 1, -1)]

    def forward(
        self, x: Float[Tensor, "B T D"], subsets: Sequence[Sequence[Sequence[int]]] | None = None
    ) -> Float[Tensor, "B K"]:
        """Return [B, K] for features [B, T, D].

        Args:
            x: features of the frames.
            subsets: for each scale from T-1 down to 2 the subsets to use, as increasing numbers of frames from 0;
                None chooses as the class describes.

        Raises:
            ValueError: there are more or fewer than T frames, or the subsets are not as described.
        """
        _check_frames(x, self.frames)
        if subsets is not None:
            _check_subsets(subsets, self.frames)
        elif not self.training:
            subsets = self.fixed
        taken = _take_subsets(x, self.subsets, subsets)
        logits = self.scales[0](x)
        for index, relation in enumerate(self.scales):
            if index > 0:
                logits = logits + relation(taken[index - 1]).sum(1)
        return logits

    def extra_repr(self) -> str:
        """Show T and how many subsets there are."""
        return f"frames={self.frames}, subsets={self.subsets}"


def fixed_subsets(frames: int, scale: int, count: int) -> list[tuple[int, ...]]:
    """Return the subsets that evaluation uses: `count`, or all if there are fewer, evenly spaced among all."""
    number = comb(frames, scale)
    count = min(count, number)
    places = {(2 * i + 1) * number // (2 * count) for i in range(count)}
    return [subset for place, subset in enumerate(combinations(range(frames), scale)) if place in places]


@fx.wrap  # a symbolic trace sees one call here, not what depends on the tensor's shape and device
def _take_subsets(x: Tensor, count: int, given: Sequence[Sequence[Sequence[int]]] | None) -> list[Tensor]:
    """Return for each scale from T-1 down to 2 the given or else random subsets of x, [B, T, D]: [B, n, scale, D]."""
    if given is None:
        indices = _draw_subsets(x.shape[1], count, x.device)
    else:
        indices = [torch.tensor(of_scale, device=x.device) for of_scale in given]
    return [x.index_select(1, index.flatten()).unflatten(1, index.shape) for index in indices]


def _draw_subsets(frames: int, count: int, device: torch.device) -> list[Tensor]:
    """Return for each scale different subsets in increasing order, each as likely as any other: [n, scale]."""
    members = torch.arange(2**frames, device=device)[:, None] >> torch.arange(frames, device=device) & 1
    sizes = members.sum(1)
    drawn: list[Tensor] = []
    for scale in range(frames - 1, 1, -1):
        chance = torch.rand(2**frames, device=device).masked_fill(sizes != scale, -1)
        rows = members[chance.topk(min(count, comb(frames, scale))).indices]
        drawn.append(rows.argsort(dim=1, descending=True, stable=True)[:, :scale])
    return drawn


@fx.wrap
def _check_frames(x: Tensor, frames: int) -> None:
    if x.dim() < 2 or x.shape[-2] != frames:
        raise ValueError(f"features of shape {tuple(x.shape)}: this relation is of {frames} frames, [B, {frames}, D]")


def _check_subsets(subsets: Sequence[Sequence[Sequence[int]]], frames: int) -> None:
    if len(subsets) != frames - 2:
        raise ValueError(f"subsets of {len(subsets)} scales: {frames} frames have {frames - 2}, {frames - 1} to 2")
    for scale, of_scale in zip(range(frames - 1, 1, -1), subsets):
        known = {*combinations(range(frames), scale)}
        if not of_scale or not known.issuperset(map(tuple, of_scale)):
            raise ValueError(f"subsets {of_scale}: each has {scale} increasing numbers of frames, 0 to {frames - 1}")
