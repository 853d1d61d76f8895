"""The comparison that decides whether a file is written: it passes rounding and nothing else."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from recircle.export.parity import Logits, compare, random_clips
from recircle.layers.temporal_shift import TemporalShift
from recircle.models import VideoModel, create_model
from recircle.views.preprocessing import Preprocessing

SHAPES = ((1, 4), (2, 4), (1, 8), (3, 1))
SIZE = (32, 32)


def network() -> VideoModel:
    torch.manual_seed(5)
    model = create_model("tsm_resnet18", 3, width=8).eval()
    # most of each logit is the same for every clip, as in a network that has learnt little
    nn.init.normal_(model.get_parameter("fc.weight"), std=0.01)
    nn.init.constant_(model.get_parameter("fc.bias"), 3.0)
    return model


def logits_of(model: nn.Module, preprocessing: Preprocessing | None = None) -> Logits:
    def run(frames: Tensor) -> Tensor:
        with torch.inference_mode():
            return model((preprocessing or Preprocessing()).normalise(frames))

    return run


def test_rounding_passes() -> None:
    model = network()
    parity = compare(logits_of(model), logits_of(model), SHAPES, SIZE)
    assert (parity.difference, parity.shapes, parity.holds) == (0, SHAPES, True)
    assert 0 < parity.spread < 0.5 < parity.largest

    def in_float64(frames: Tensor) -> Tensor:
        with torch.inference_mode():
            return network().double()(Preprocessing().normalise(frames).double()).float()

    parity = compare(logits_of(model), in_float64, SHAPES, SIZE)
    assert parity.difference > 0
    assert parity.holds


def shift_the_other_way(model: VideoModel) -> None:
    for module in model.modules():
        if isinstance(module, TemporalShift):
            module.register_forward_hook(lambda module, inputs, _: module.forward(inputs[0].flip(1)).flip(1))


def scale_the_classifier(model: VideoModel) -> None:
    model.get_parameter("fc.weight").data *= 1.001


def forget_a_norm(model: VideoModel) -> None:
    model.get_submodule("layer1.0.bn1").get_buffer("running_mean").add_(0.01)


def spoil_a_weight(model: VideoModel) -> None:
    model.get_parameter("fc.bias").data[1] = torch.nan


@pytest.mark.parametrize("spoil", [shift_the_other_way, scale_the_classifier, forget_a_norm, spoil_a_weight])
def test_a_fault_in_the_network_does_not(spoil: Callable[[VideoModel], None]) -> None:
    other = network()
    spoil(other)
    parity = compare(logits_of(network()), logits_of(other), SHAPES, SIZE)
    assert not parity.holds


@pytest.mark.parametrize(
    "other", [Preprocessing(channels="bgr"), Preprocessing(scale=1 / 256), Preprocessing(mean=(0.485, 0.456, 0.41))]
)
def test_another_normalisation_does_not(other: Preprocessing) -> None:
    parity = compare(logits_of(network()), logits_of(network(), other), SHAPES, SIZE)
    assert not parity.holds


def test_random_clips_are_frames_that_differ() -> None:
    clips = random_clips(2, 3, (30, 50), torch.Generator().manual_seed(1))
    assert (clips.shape, clips.dtype) == ((2, 3, 3, 30, 50), torch.uint8)
    assert clips.min() < 20
    assert clips.max() > 235
    frames = clips.flatten(0, 1).float()
    assert all((a - b).abs().mean() > 20 for i, a in enumerate(frames) for b in frames[:i])
    assert torch.equal(clips, random_clips(2, 3, (30, 50), torch.Generator().manual_seed(1)))
