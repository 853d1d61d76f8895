"""What every registered network must do."""

import copy
import pickle

import pytest
import torch
from torch import Tensor

from recircle.layers.arc import ArcLayer
from recircle.models import VideoModel, create_model, list_models, model_summary

NAMES = list_models()


def small(name: str, num_classes: int = 5) -> VideoModel:
    """Return a narrow network whose ARC matrices, norms and logits are not at their initial values."""
    model = create_model(name, num_classes, width=8, dropout=0.0)
    assert model.name == name
    with torch.no_grad():
        for key, value in [*model.named_parameters(), *model.named_buffers()]:
            if key.endswith("running_var"):
                value.uniform_(0.8, 1.2)
            elif key.endswith(("running_mean", "bias")) or key.startswith("fc."):
                value.normal_(0, 0.1)
        for layer in model.modules():
            if isinstance(layer, ArcLayer):
                for matrix in (layer.embedding, layer.attention, layer.fusion):
                    assert matrix is not None
                    matrix.normal_(0, 0.1)
    return model


def clips(batch: int = 2, frames: int = 3, size: int = 33) -> Tensor:
    return torch.randn(batch, frames, 3, size, size)


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest) -> VideoModel:
    """Return a network that tests of this file share: they may train it and leave it in any mode."""
    return small(request.param)


def test_any_number_of_frames_and_a_gradient_everywhere(model: VideoModel) -> None:
    assert model_summary(model.name)
    model.train()
    for frames in (1, 3):
        logits = model(clips(frames=frames))
        assert logits.shape == (2, 5)
    logits.square().sum().backward()
    without = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []
    zero = [key for key, p in model.named_parameters() if p.grad is not None and not p.grad.any()]
    assert zero == []


def test_clips_of_a_batch_are_independent(model: VideoModel) -> None:
    model.eval()
    x, order = clips(batch=3), torch.tensor([2, 0, 1])
    with torch.no_grad():
        logits = model(x)
        assert (logits[0] - logits[1]).abs().max() > 1e-4
        torch.testing.assert_close(model(x[order]), logits[order], rtol=1e-4, atol=1e-5)
        # the order of the frames matters to the shift and to nothing else
        reversed_logits = model(x.flip(1))
        if "tsm" in model.name:
            assert (reversed_logits - logits).abs().max() > 1e-5
        else:
            torch.testing.assert_close(reversed_logits, logits, rtol=1e-4, atol=1e-5)


def test_weights_travel(model: VideoModel) -> None:
    model.eval()
    with torch.device("meta"):
        other = create_model(model.name, 5, width=8).eval()
    other.load_state_dict(model.state_dict(), assign=True)
    x = clips(batch=1, frames=2)
    with torch.no_grad():
        logits = model(x)
        assert torch.equal(other(x), logits)
        assert torch.equal(pickle.loads(pickle.dumps(model))(x), logits)


def test_parts_and_a_new_classifier(model: VideoModel) -> None:
    model = copy.deepcopy(model).eval()
    x = clips()
    with torch.no_grad():
        features = model.forward_features(x)
        # 33 pixels, halved five times and rounded up
        assert features.shape == (2, 3, model.num_features, 2, 2)
        pooled = model.forward_head(features, pre_logits=True)
        assert pooled.shape == (2, 3, model.num_features)
        logits = model.forward_head(features)
        assert torch.equal(logits, model(x))
        torch.testing.assert_close(model.fc(pooled.mean(1)), logits, rtol=1e-4, atol=1e-5)
        model.reset_classifier(7, dropout=0.25)
        assert model.forward_head(features).shape == (2, 7)
    assert (model.num_classes, model.dropout.p) == (7, 0.25)


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("arc_")])
def test_arc_computes_what_its_host_does_at_first(name: str) -> None:
    host = small(name.removeprefix("arc_")).double()
    arc = create_model(name, 5, width=8, dropout=0.0).double()
    result = arc.load_state_dict(host.state_dict(), strict=False)
    assert result.unexpected_keys == []
    x = clips().double()
    with torch.no_grad():
        torch.testing.assert_close(arc.train()(x), host.train()(x), rtol=1e-9, atol=1e-9)
        expected = host.eval()(x)
        torch.testing.assert_close(arc.eval()(x), expected, rtol=1e-9, atol=1e-9)
        for layer in arc.modules():
            if isinstance(layer, ArcLayer) and layer.fusion is not None:
                layer.fusion.normal_(0, 0.1)
        assert (arc(x) - expected).abs().max() > 1e-6
