from pathlib import Path

import pytest
import torch
from torch import Tensor

from recircle.errors import UserError
from recircle.models import VideoModel, create_model, load_weights
from tests.golden.systems.trn import BUILDERS
from tests.models import inception_files
from tests.models.inception_files import save


@pytest.fixture(scope="module")
def model() -> VideoModel:
    return create_model("trn_bninception", 5, width=8, frames=4)


@pytest.mark.parametrize("multi_scale", [True, False])
def test_published_checkpoint(multi_scale: bool, tmp_path: Path) -> None:
    theirs = inception_files.trn(multi_scale=multi_scale)
    file = save(theirs, tmp_path / "TRN.pth.tar")
    model = create_model("trn_bninception", 12, multi_scale=multi_scale)
    report = load_weights(model, file)
    assert (report.loaded, report.left_out, report.kept) == (len(theirs), (), ())
    ours = model.state_dict()
    assert torch.equal(ours["fc.projection.weight"], theirs["new_fc.weight"])
    if multi_scale:
        key = "consensus.fc_fusion_scales.2.3.weight"
        assert torch.equal(ours["fc.relation.scales.2.output.weight"], theirs[key])
    tuned = create_model("trn_bninception", 3, multi_scale=multi_scale, pretrained=file)
    assert tuned.load_report is not None
    assert tuned.load_report.left_out == model.classifier_keys
    assert torch.equal(tuned.get_parameter("fc.projection.weight"), theirs["new_fc.weight"])


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    file = save(inception_files.trn(), tmp_path / "TRN.pth.tar")
    with pytest.raises(UserError, match=r"left over: fc.relation.scales.0"):
        load_weights(create_model("trn_bninception", 12, multi_scale=False), file)
    with pytest.raises(UserError, match=r"left over: fc.relation.scales.3.*of another shape: fc.relation.scales.0"):
        load_weights(create_model("trn_bninception", 12, frames=4), file)
    with pytest.raises(UserError, match=r"left over: consensus"):
        load_weights(create_model("tsn_bninception", 256), file)
    tsn = {key: value for key, value in inception_files.trn().items() if not key.startswith("consensus")}
    with pytest.raises(UserError, match=r"missing: fc.relation"):
        load_weights(create_model("trn_bninception", 256), save(tsn, tmp_path / "TSN.pth.tar"))


def test_imagenet_file(tmp_path: Path) -> None:
    torch.save(inception_files.imagenet("bninception"), tmp_path / "imagenet.pth")
    model = create_model("trn_bninception", 12, pretrained=tmp_path / "imagenet.pth")
    assert model.load_report is not None
    fresh = {key for key in model.state_dict() if key.startswith("fc.")}
    assert set(model.load_report.kept) == fresh - set(model.classifier_keys)
    assert model.load_report.left_out == ("fc.weight", "fc.bias")


def test_only_its_own_number_of_frames(model: VideoModel) -> None:
    assert (model.min_frames, model.max_frames) == (4, 4)
    with pytest.raises(ValueError, match="a clip of 8 frames: trn_bninception takes 4 frames"):
        model(torch.zeros(1, 8, 3, 32, 32))
    with pytest.raises(ValueError, match="frames=40: relations are of 2 to 16 frames"):
        create_model("trn_bninception", 5, width=8, frames=40)


def test_head_is_the_projection_and_the_relations(model: VideoModel) -> None:
    features = torch.randn(2, 4, model.get_parameter("fc.projection.weight").shape[1], 2, 3)
    model.eval()
    projected = model.forward_head(features, pre_logits=True)
    assert projected.shape == (2, 4, 256)
    assert model.num_features == 256
    torch.testing.assert_close(model.get_submodule("fc.relation")(projected), model.forward_head(features))
    assert model.classifier_keys == tuple(
        f"fc.relation.scales.{i}.output.{p}" for i in range(3) for p in ("weight", "bias")
    )
    assert model.get_parameter("fc.projection.weight").std().item() == pytest.approx(0.001, rel=0.1)


def test_published_dropout() -> None:
    assert create_model("trn_bninception", 2, width=8).dropout.p == 0.8


def test_a_whole_network_is_known_to_the_golden_vectors() -> None:
    """With subsets that the file records, by hand here: logits of the head on projected features."""
    theirs = inception_files.trn(frames=3, classes=4)
    subsets = [[[0, 2], [1, 2]]]
    config = {"num_classes": 4, "T": 3, "backbone": "BNInception", "kind": "TRNmultiscale", "subsets": subsets}
    model = BUILDERS["trn(_.*)?"]("trn_bninception", config, theirs).eval()
    assert isinstance(model, VideoModel)
    features = torch.randn(2, 3, 1024, 2, 2)
    x = features.mean((3, 4)) @ theirs["new_fc.weight"].T + theirs["new_fc.bias"]

    def relation(scale: int, frames: list[int]) -> Tensor:
        first, last = (f"consensus.fc_fusion_scales.{scale}.{layer}" for layer in (1, 3))
        hidden = x[:, frames].relu().flatten(1) @ theirs[f"{first}.weight"].T + theirs[f"{first}.bias"]
        return hidden.relu() @ theirs[f"{last}.weight"].T + theirs[f"{last}.bias"]

    expected = relation(0, [0, 1, 2]) + relation(1, [0, 2]) + relation(1, [1, 2])
    with torch.no_grad():
        torch.testing.assert_close(model.forward_head(features), expected, rtol=1e-4, atol=1e-4)
