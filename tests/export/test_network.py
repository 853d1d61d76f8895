"""What is captured is the network itself, with its normalisation, for any B and T."""

from typing import Any

import pytest
import torch

from recircle.export.network import ExportedNetwork, capture
from recircle.export.parity import random_clips
from recircle.layers.temporal_shift import TemporalShift
from recircle.models import VideoModel, create_model
from recircle.views.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(resize=40, crop=(32, 40), mean=(0.5, 0.4, 0.3), channels="bgr")
SHAPES = [(1, 1), (2, 1), (1, 2), (3, 2), (2, 5)]


@pytest.fixture(scope="module")
def model() -> VideoModel:
    torch.manual_seed(2)
    model = create_model("tsm_resnet18", 3, width=8)
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    return model


@pytest.fixture(scope="module")
def captured(model: VideoModel) -> Any:
    return capture(ExportedNetwork(model, PREPROCESSING)).module()


@pytest.mark.parametrize(("batch", "frames"), SHAPES)
def test_the_captured_network_is_the_model_after_its_normalisation(
    batch: int, frames: int, model: VideoModel, captured: Any
) -> None:
    clips = random_clips(batch, frames, (32, 40), torch.Generator().manual_seed(batch))
    with torch.no_grad():
        expected = model.eval()(PREPROCESSING.normalise(clips))
    logits = captured(clips)
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
    assert not logits.requires_grad


def test_frames_of_another_size_or_kind_are_refused(captured: Any) -> None:
    with pytest.raises(AssertionError, match="Guard failed"):
        captured(torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(RuntimeError, match="float"):
        captured(torch.zeros(1, 2, 3, 32, 40))


@pytest.mark.parametrize("name", ["tsm_resnet18", "arc_tsm_resnet18", "arc_tsn_efficientnet_lite0"])
def test_one_capture_is_enough(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    export = torch.export.export
    monkeypatch.setattr(torch.export, "export", lambda *args, **named: calls.append(0) or export(*args, **named))
    capture(ExportedNetwork(create_model(name, 5, width=8), Preprocessing(resize=32, crop=32)))
    assert len(calls) == 1


def test_the_model_itself_stays_as_it_is(model: VideoModel) -> None:
    before = [type(module) for module in model.modules()]
    model.train()
    network = ExportedNetwork(model, PREPROCESSING)
    assert [type(module) for module in model.modules()] == before
    assert TemporalShift in before
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(module.training for module in network.modules())
