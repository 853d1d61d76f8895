"""The stages of networks that are built as a ResNet is: blocks one after the other, wider from stage to stage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Place:
    """Where a block stands.

    Attributes:
        stage: number of its stage, from 0.
        index: its number in the stage, from 0.
        inplanes: channels of its input.
        planes: channels inside; it returns `expansion` times as many.
    """

    stage: int
    index: int
    inplanes: int
    planes: int

    @property
    def stride(self) -> int:
        """2 where a ResNet halves the resolution, in the first block of all stages but the first; 1 elsewhere."""
        return 2 if self.stage > 0 and self.index == 0 else 1


def build_stages(
    inplanes: int,
    depths: Sequence[int],
    planes: Sequence[int],
    block: Callable[[Place], nn.Module | tuple[nn.Module, ...]],
    *,
    expansion: int = 1,
    joined: Sequence[int] | None = None,
) -> list[nn.Sequential]:
    """Return the stages of a network.

    Args:
        inplanes: channels of the stem.
        depths: blocks in each stage.
        planes: channels inside the blocks of each stage.
        block: makes the module for a place, or several that follow each other there.
        expansion: what a block returns has so many times its planes.
        joined: channels that come to each stage's input from elsewhere; None is none.

    Raises:
        ValueError: the lists are not of one length.
    """
    stages: list[nn.Sequential] = []
    for stage, (depth, width, more) in enumerate(zip(depths, planes, joined or [0] * len(depths), strict=True)):
        blocks: list[nn.Module] = []
        inplanes += more
        for index in range(depth):
            made = block(Place(stage, index, inplanes, width))
            blocks += made if isinstance(made, tuple) else (made,)
            inplanes = width * expansion
        stages.append(nn.Sequential(*blocks))
    return stages


def doubled(width: int, stages: int = 4) -> list[int]:
    """Return the channels of stages that have twice as many as the one before: width, 2 width, 4 width, ..."""
    return [width * 2**stage for stage in range(stages)]
