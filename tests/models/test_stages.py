"""The stages that ResNet-like networks share."""

import pytest
from torch import nn

from recircle.models.backbones.stages import Place, build_stages, doubled


def test_blocks_follow_each_other_with_the_channels_that_the_last_one_left() -> None:
    places: list[Place] = []

    def block(place: Place) -> tuple[nn.Module, ...]:
        places.append(place)
        return (nn.Identity(),) * (1 if place.index else 2)

    stages = build_stages(16, (2, 3), doubled(16, 2), block, expansion=4, joined=(0, 8))
    assert [len(stage) for stage in stages] == [3, 4]
    assert [(place.stage, place.index) for place in places] == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    assert [place.inplanes for place in places] == [16, 64, 72, 128, 128]
    assert [place.planes for place in places] == [16, 16, 32, 32, 32]
    assert [place.stride for place in places] == [1, 1, 2, 1, 1]


def test_stages_of_other_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        build_stages(16, (2, 3), (16,), lambda place: nn.Identity())
