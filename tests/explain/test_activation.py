"""Class activation maps: what the classifier's weights say, for every head, and where the evidence truly is."""

from typing import cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.explain.activation import class_activation
from recircle.explain.sanity import randomisation_check, rank_correlation
from recircle.models import VideoModel, list_models
from recircle.models.ensemble import FrameRateEnsemble
from recircle.models.timesformer import TimeSformer
from tests.models.small import every_network, small, small_clips


@pytest.mark.parametrize("name", ["arc_tsm_resnet18", "tsn_resnet50", "arc_tsn_efficientnet_lite0"])
def test_after_pooling_and_a_linear_layer_it_is_the_class_activation_map(name: str) -> None:
    model, clip = small(name).eval(), small_clips(name, 1)[0]
    fc = cast(nn.Linear, model.fc)
    with torch.no_grad():
        maps = model.forward_features(clip[None])[0]
        logits = model(clip[None])[0]
    cam = torch.einsum("c,tchw->thw", fc.weight[2], maps).detach()
    found = class_activation(model, clip, 2, cells=1)
    np.testing.assert_allclose(found.evidence, (cam / cam.numel()).numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.logits, logits.numpy(), rtol=1e-4, atol=1e-5)
    assert found.evidence.sum() == pytest.approx(float(logits[2] - fc.bias[2].detach()), rel=1e-3, abs=1e-5)
    assert found.target == 2
    assert found.predicted == int(logits.argmax())
    np.testing.assert_allclose(found.probabilities, logits.softmax(0).numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", every_network())
def test_every_network_has_maps_as_large_as_its_clip(name: str) -> None:
    model, clip = small(name).train(), small_clips(name, 1)[0]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = class_activation(model, clip)
    assert found.maps.shape == (len(clip), *clip.shape[-2:])
    assert found.maps.dtype == np.float32
    assert np.isfinite(found.maps).all()
    assert found.maps.std() > 0
    assert found.target == found.predicted
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.training
    assert not any(layer._forward_hooks for layer in model.modules())


def homogeneous(name: str) -> VideoModel:
    """Return a small network that adds nothing of its own to what it sees, so that scaling its input scales all."""
    model = small(name).eval().double()
    with torch.no_grad():
        for key, value in [*model.named_parameters(), *model.named_buffers()]:
            if key.endswith(("bias", "running_mean")):
                value.zero_()
    return model


@pytest.mark.parametrize("name", ["arc_tsm_resnet18", "tsn_resnet50", "slowfast_resnet50", "arc_r2plus1d_resnet18"])
@pytest.mark.parametrize("cells", [1, 3, 5, 14])
def test_the_evidence_of_every_stage_sums_up_to_the_logit(name: str, cells: int) -> None:
    """Euler's theorem on homogeneous functions holds for maps through which all of the network's input passes."""
    model = homogeneous(name)
    clip = torch.randn(8, 3, 40, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = class_activation(model, clip, 3, cells=cells)
    assert min(found.evidence.shape[1:]) >= min(cells, 10)
    assert found.evidence.sum() == pytest.approx(found.logits[3], rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(found.logits, model(clip[None])[0].detach().numpy(), rtol=1e-5)


def test_maps_have_so_many_places_as_are_asked_for() -> None:
    model, clip = small("tsm_resnet18"), torch.randn(2, 3, 56, 80)
    wants = [parameter.requires_grad for parameter in model.parameters()]
    shapes = {cells: class_activation(model, clip, 0, cells=cells).evidence.shape for cells in (1, 2, 3, 7, 8, 14, 15)}
    stages = {1: (2, 2, 3), 2: (2, 2, 3), 3: (2, 4, 5), 7: (2, 7, 10), 8: (2, 14, 20), 14: (2, 14, 20), 15: (2, 14, 20)}
    assert shapes == stages
    assert class_activation(model, clip, 0).evidence.shape == (2, 14, 20)
    assert [parameter.requires_grad for parameter in model.parameters()] == wants
    with pytest.raises(ValueError, match="cells=0: a map has 1 place"):
        class_activation(model, clip, 0, cells=0)


class Colours(VideoModel):
    """Red and green are classes; its maps are the channels of the frames."""

    def __init__(self) -> None:
        super().__init__("colours")
        self.num_features = 3
        self.scale = nn.Parameter(torch.ones(()))
        self.fc = nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.fc.weight.copy_(torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]]))
        self.dropout = nn.Dropout(0.5)
        self.num_classes = 2

    def forward_features(self, clips: Tensor) -> Tensor:
        return self.scale * F.avg_pool3d(clips.transpose(1, 2), (1, 4, 4)).transpose(1, 2)


def test_the_evidence_is_where_and_when_the_class_is() -> None:
    clip = torch.zeros(3, 3, 16, 16)
    clip[1, 0, 4:8, 8:12] = 1  # red in the second frame
    clip[2, 1, 12:16, 0:4] = 2  # green in the third
    red, green = class_activation(Colours(), clip, 0), class_activation(Colours(), clip)
    assert red.target == 0
    assert green.target == green.predicted == 1
    peak = np.unravel_index(red.maps.argmax(), red.maps.shape)
    assert peak[0] == 1
    assert 4 <= peak[1] < 8 and 8 <= peak[2] < 12  # noqa: PT018
    assert red.maps[2, 13, 1] < 0
    assert (red.maps[0] == 0).all()
    np.testing.assert_allclose(green.evidence, -red.evidence, atol=1e-7)


def test_maps_of_fewer_frames_are_spread_over_the_clip() -> None:
    name = next(n for n in list_models() if n.startswith("tsn_resnet"))
    model, clip = small(name), small_clips(name, 1, frames=4)[0]
    found = class_activation(model, clip)
    assert found.evidence.shape[0] == 4
    whole = F.interpolate(torch.from_numpy(found.evidence)[:, None], size=clip.shape[-2:], mode="bilinear")[:, 0]
    np.testing.assert_allclose(found.maps, whole.numpy(), rtol=1e-4, atol=1e-6)


def test_an_ensembles_members_are_added_at_the_frames_they_saw() -> None:
    model, clip = small("tsm_resnet50_8f_16f"), small_clips("tsm_resnet50_8f_16f", 1, frames=16)[0]
    assert isinstance(model, FrameRateEnsemble)
    found = class_activation(model, clip, 1)
    assert found.evidence.shape[0] == 24
    size = clip.shape[-2:]
    slow, fast = torch.from_numpy(found.evidence).split([8, 16])
    fast = F.interpolate(fast[:, None], size=size, mode="bilinear")[:, 0]
    slow = F.interpolate(slow[None, None], size=(16, *size), mode="trilinear")[0, 0]
    np.testing.assert_allclose(found.maps, (slow + fast).numpy(), rtol=1e-4, atol=1e-6)


def test_timesformer_weighs_the_patches_its_class_token_attends_to() -> None:
    model, clip = small("timesformer_base").double().eval(), small_clips("timesformer_base", 1, frames=2)[0].double()
    assert isinstance(model, TimeSformer)
    clip = torch.cat((clip, clip), -1)
    found = class_activation(model, clip, 3)
    assert found.evidence.shape == (2, 2, 4)

    # the derivative of the logit when the token of one patch grows, by finite differences
    grown = {"by": 0.0}

    def grow(_module: nn.Module, _args: object, tokens: Tensor) -> Tensor:
        factor = torch.ones(tokens.shape[:3], dtype=tokens.dtype)
        factor[0, 1, 1 + 4 + 2] += grown["by"]
        return tokens * factor[..., None]

    model.get_submodule(f"blocks.{len(model.blocks) - 1}.norm1").register_forward_hook(grow)
    logits = []
    for by in (-1e-5, 1e-5):
        grown["by"] = by
        with torch.no_grad():
            logits.append(float(model(clip[None])[0, 3]))
    assert found.evidence[1, 1, 2] == pytest.approx((logits[1] - logits[0]) / 2e-5, rel=1e-3)


def test_wrong_classes_clips_and_networks() -> None:
    model, clip = small("tsn_resnet18"), small_clips("tsn_resnet18", 1)[0]
    with pytest.raises(ValueError, match="target=5: the network has classes 0 to 4"):
        class_activation(model, clip, 5)
    with pytest.raises(ValueError, match="the shape wanted"):
        class_activation(model, clip[:, :2])

    class Flat(Colours):
        def forward_features(self, clips: Tensor) -> Tensor:
            return super().forward_features(clips).mean((-2, -1))

    with pytest.raises(UserError, match="gives its classifier a tensor"):
        class_activation(Flat(), torch.randn(2, 3, 16, 16))


class Pixels(VideoModel):
    """Its maps are the 48 values of patches of 4 x 4 pixels, which in noise have nothing in common."""

    def __init__(self) -> None:
        super().__init__("pixels")
        self.num_features = 48
        self.fc = nn.Linear(48, 3)
        self.dropout, self.num_classes = nn.Dropout(0.0), 3

    def forward_features(self, clips: Tensor) -> Tensor:
        return F.pixel_unshuffle(clips, 4)


def test_maps_do_not_survive_the_randomisation_of_the_classifier() -> None:
    model, clip = Pixels(), torch.randn(8, 3, 32, 32)
    (found,) = randomisation_check(model, clip, 0, draws=20)
    assert found.part == "fc"
    correlations = np.array(found.correlations)
    assert len(correlations) == 20
    # of 48 random weights the cosine with others deviates by 1 / sqrt(48) = 0.14 from 0
    assert np.abs(correlations).max() < 0.5
    assert abs(found.mean) < 0.15


@pytest.mark.parametrize("name", [pytest.param("arc_tsm_resnet18", marks=pytest.mark.slow), "timesformer_base"])
def test_randomisation_goes_from_the_classifier_to_the_stem(name: str) -> None:
    model, clip = small(name), small_clips(name, 1)[0]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    first, again = (randomisation_check(model, clip, 1, draws=2, seed=3) for _ in range(2))
    assert first == again
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    parts = [entry.part for entry in first]
    assert parts[0] == "fc"
    assert parts[-1] in ("conv1", "patch_embed")
    assert all(-1 <= value < 0.999 for entry in first for value in entry.correlations)


def test_rank_correlation() -> None:
    values = np.array([3.0, 1.0, 2.0, 5.0])
    assert rank_correlation(values, values**3) == pytest.approx(1)
    assert rank_correlation(values, -values) == pytest.approx(-1)
    assert rank_correlation(values, np.ones(4)) == 0
    # by hand: ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4
    assert rank_correlation(np.array([0, 1, 1, 2]), np.array([0, 2, 1, 3])) == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    rng = np.random.default_rng(0)
    assert abs(rank_correlation(rng.random(10_000), rng.random(10_000))) < 0.05
