"""What every registered network must do."""

import copy
import pickle

import pytest
import torch
from torch import nn

from recircle.arc.module import ArcLayer
from recircle.models import VideoModel, create_model, list_models, model_summary
from tests.models.small import every_network, small, small_clips, small_form


@pytest.fixture(scope="module", params=every_network())
def model(request: pytest.FixtureRequest) -> VideoModel:
    """Return a network that tests of this file share: they may train it and leave it in any mode."""
    return small(request.param)


def test_any_number_of_frames_and_a_gradient_everywhere(model: VideoModel) -> None:
    assert model_summary(model.name)
    model.train()
    few, more = small_form(model.name).frames
    assert model(small_clips(model.name, frames=few)).shape == (2, 5)
    logits = model(small_clips(model.name, frames=more))
    assert logits.shape == (2, 5)
    logits.square().sum().backward()
    without = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []
    zero = [key for key, p in model.named_parameters() if p.grad is not None and not p.grad.any()]
    assert zero == []


def test_clips_of_a_batch_are_independent(model: VideoModel) -> None:
    # in float64, since the clips of a network whose weights are not trained may differ by little
    model = copy.deepcopy(model).double().eval()
    x, order = small_clips(model.name, batch=3).double(), torch.tensor([2, 0, 1])
    with torch.no_grad():
        logits = model(x)
        assert (logits[0] - logits[1]).abs().max() > 1e-6
        torch.testing.assert_close(model(x[order]), logits[order], rtol=1e-9, atol=1e-10)
        reversed_logits = model(x.flip(1))
        if small_form(model.name).ordered:
            assert (reversed_logits - logits).abs().max() > 1e-7
        else:
            torch.testing.assert_close(reversed_logits, logits, rtol=1e-9, atol=1e-10)


def test_weights_travel(model: VideoModel) -> None:
    model.eval()
    with torch.device("meta"):
        other = create_model(model.name, 5, **small_form(model.name).options).eval()
    other.load_state_dict(model.state_dict(), assign=True)
    x = small_clips(model.name, batch=1)
    with torch.no_grad():
        logits = model(x)
        assert torch.equal(other(x), logits)
        assert torch.equal(pickle.loads(pickle.dumps(model))(x), logits)


def test_parts_and_a_new_classifier(model: VideoModel) -> None:
    model = copy.deepcopy(model).eval()
    x = small_clips(model.name)
    with torch.no_grad():
        features = model.forward_features(x)
        assert features.shape[0] == 2
        pooled = model.forward_head(features, pre_logits=True)
        assert pooled.shape[0] == 2
        assert pooled.shape[-1] == model.num_features
        logits = model.forward_head(features)
        torch.testing.assert_close(logits, model(x), rtol=1e-4, atol=1e-5)
        if isinstance(model.fc, nn.Linear):
            by_hand = model.fc(pooled.flatten(1, -2).mean(1) if pooled.dim() > 2 else pooled)
            torch.testing.assert_close(by_hand, logits, rtol=1e-4, atol=1e-5)
        model.reset_classifier(7, dropout=0.25)
        assert model.forward_head(features).shape == (2, 7)
    assert (model.num_classes, model.dropout.p) == (7, 0.25)
    assert {model.get_parameter(key).shape[0] for key in model.classifier_keys} == {7}


@pytest.mark.parametrize("name", every_network("arc_*"))
def test_arc_computes_what_its_host_does_at_first(name: str) -> None:
    host = small(name.removeprefix("arc_")).double()
    arc = create_model(name, 5, dropout=0.0, **small_form(name).options).double()
    result = arc.load_state_dict(host.state_dict(), strict=False)
    assert result.unexpected_keys == []
    x = small_clips(name).double()
    with torch.no_grad():
        torch.testing.assert_close(arc.train()(x), host.train()(x), rtol=1e-9, atol=1e-9)
        expected = host.eval()(x)
        torch.testing.assert_close(arc.eval()(x), expected, rtol=1e-9, atol=1e-9)
        for layer in arc.modules():
            if isinstance(layer, ArcLayer) and layer.fusion is not None:
                layer.fusion.normal_(0, 0.1)
        assert (arc(x) - expected).abs().max() > 1e-6


# torch's own tracing instantiates the class of an autograd function and warns of it
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_compiles_whole(name: str) -> None:
    model = small(name).eval()
    clips = small_clips(name)
    torch._dynamo.reset()
    with torch.no_grad():
        compiled = torch.compile(model, fullgraph=True, backend="aot_eager")(clips)
        expected = model(clips)
    torch.testing.assert_close(compiled, expected, rtol=1e-3, atol=1e-4)
