"""A network that has learnt something looks where that is, and what is drawn goes with what it has learnt."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.explain.activation import class_activation
from recircle.explain.sanity import randomisation_check
from recircle.models import VideoModel, create_model

SIDE, THING, STEPS = 56, 9, 120


def scenes(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw clips in which a thing drifts over a textured ground, whose class is its colour.

    Returns:
        Clips [N, 2, 3, H, W], classes [N], and where the thing is, [N, 2, H, W].
    """
    ground = F.interpolate(torch.randn(count * 2, 3, 14, 14, generator=generator), size=SIDE, mode="bilinear")
    clips = ground.unflatten(0, (count, 2)) + 0.3 * torch.randn(count, 2, 3, SIDE, SIDE, generator=generator)
    classes = torch.randint(3, (count,), generator=generator)
    where = torch.zeros(count, 2, SIDE, SIDE, dtype=torch.bool)
    for clip in range(count):
        row, column = torch.randint(3, SIDE - THING - 6, (2,), generator=generator).tolist()
        for frame in range(2):
            top, left = row + 3 * frame, column + 3 * frame
            place = slice(top, top + THING), slice(left, left + THING)
            clips[clip, frame, :, *place] = -1.5
            clips[clip, frame, int(classes[clip]), *place] = 3.0
            where[clip, frame, *place] = True
    return clips, classes, where


@pytest.fixture(scope="module")
def trained() -> VideoModel:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = create_model("tsn_resnet18", 3, width=8, dropout=0.0)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0, total_iters=STEPS)
    for _ in range(STEPS):
        clips, classes, _ = scenes(24, generator)
        loss = F.cross_entropy(model(clips), classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def test_the_evidence_is_on_the_thing_and_more_so_than_in_the_last_maps(trained: VideoModel) -> None:
    clips, classes, where = scenes(24, torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert (trained(clips).argmax(1) == classes).float().mean() > 0.85
    shares: dict[int, list[float]] = {14: [], 1: []}
    for clip, target, place in zip(clips, classes, where.numpy()):
        for cells, found in shares.items():
            maps = class_activation(trained, clip, int(target), cells=cells).maps.clip(0)
            found.append(float(maps[place].sum() / maps.sum()))
    area = THING**2 / SIDE**2
    fine, coarse = np.mean(shares[14]), np.mean(shares[1])
    assert fine > 2 * coarse
    assert fine > 4 * area


def test_the_map_goes_with_the_weights(trained: VideoModel) -> None:
    clips, _, _ = scenes(3, torch.Generator().manual_seed(2))
    found = [randomisation_check(trained, clip, draws=4, seed=number) for number, clip in enumerate(clips)]
    for parts in zip(*found):
        correlations = [value for part in parts for value in part.correlations]
        assert abs(np.mean(correlations)) < 0.35, parts[0].part
    # with all weights shuffled nothing is left
    assert np.abs([part.correlations for part in (parts[-1] for parts in found)]).max() < 0.3
