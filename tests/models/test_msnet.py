import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from recircle.arc.module import ArcLayer
from recircle.errors import UserError
from recircle.export.network import ExportedNetwork, capture
from recircle.models import VideoModel, create_model, load_weights, measure_cost
from recircle.models.msnet import MSNet
from recircle.surgery.convert import arc_report, convert
from recircle.views.preprocessing import Preprocessing
from tests.models.small import small
from tests.torchvision_oracle import import_torchvision

NAMES = ["msnet_resnet18", "msnet_resnet50"]


@pytest.mark.parametrize("name", NAMES)
def test_without_motion_features_it_is_tsm(name: str) -> None:
    model = small(name).eval()
    tsm = create_model(name.replace("msnet", "tsm"), 5, width=16).eval()
    tsm.load_state_dict({key: value for key, value in model.state_dict().items() if not key.startswith("motion.")})
    clips = torch.randn(2, 3, 3, 40, 33)
    with torch.no_grad():
        assert (model(clips) - tsm(clips)).abs().max() > 1e-3
        for part in ("weight", "bias"):
            model.get_parameter(f"motion.refinement.3.bn2.{part}").zero_()
        torch.testing.assert_close(model(clips), tsm(clips))


def under_published_names(model: VideoModel) -> dict[str, Tensor]:
    """Return the weights as the authors' code would have saved them."""
    parts = {"depthwise": 0, "bn1": 1, "pointwise": 3, "bn2": 4}
    state: dict[str, Tensor] = {}
    for key, value in model.state_dict().items():
        refined = re.fullmatch(r"motion\.refinement\.(\d)\.(\w+)\.(\w+)", key)
        if refined:
            new = f"base_model.flow_refinement.conv{int(refined[1]) + 1}.{parts[refined[2]]}.{refined[3]}"
        elif key.startswith("fc."):
            new, value = f"new_{key}", value[..., None] if key == "fc.weight" else value
        else:
            new = key.replace("motion.conv.", "chnl_reduction.0.").replace("motion.bn.", "chnl_reduction.1.")
            new = f"base_model.{new}"
        state[f"module.{new}"] = value
    for name in ("weight", "bias", "running_mean", "running_var"):
        state[f"module.base_model.bn2.{name}"] = torch.rand(128)
    state["module.base_model.bn2.num_batches_tracked"] = torch.tensor(3)
    return state


@pytest.mark.parametrize("name", NAMES)
def test_published_checkpoint_loads(name: str, tmp_path: Path) -> None:
    trained = small(name, 6)
    file = tmp_path / "msnet.pth.tar"
    torch.save({"epoch": 40, "state_dict": under_published_names(trained)}, file)
    model = create_model(name, 6, width=16)
    report = load_weights(model, file)
    assert (report.left_out, report.kept) == ((), ())
    assert report.loaded == len(trained.state_dict())
    state = model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in trained.state_dict().items())
    with pytest.raises(UserError, match=r"a classifier of 6 classes, .* one of 4"):
        load_weights(create_model(name, 4, width=16), file)
    tuned = create_model(name, 4, width=16, pretrained=file)
    assert tuned.load_report is not None
    assert tuned.load_report.left_out == ("fc.weight", "fc.bias")
    other = next(other for other in NAMES if other != name)
    with pytest.raises(UserError, match=f"does not fit {other}"):
        load_weights(create_model(other, 6, width=16), file)


def test_only_the_known_unused_norm_is_dropped(tmp_path: Path) -> None:
    state = under_published_names(small("msnet_resnet18"))
    for key, value, message in (
        ("bn2.weight", torch.rand(64), r"left over: bn2\.weight"),
        ("bn3.weight", torch.rand(128), r"left over: bn3\.weight"),
        ("flow_refinement.conv5.0.weight", torch.rand(3), r"left over: flow_refinement\.conv5"),
    ):
        torch.save({**state, f"module.base_model.{key}": value}, tmp_path / "odd.pth")
        with pytest.raises(UserError, match=message):
            load_weights(create_model("msnet_resnet18", 5, width=16), tmp_path / "odd.pth")


@pytest.mark.parametrize("conv", ["conv1", "conv1.net"])
def test_tsn_and_tsm_checkpoints_are_refused(conv: str, tmp_path: Path) -> None:
    host = create_model("tsm_resnet18", 5, width=16).state_dict()
    state = {
        "module." + ("new_" if key.startswith("fc.") else "base_model.") + key.replace(".conv1.", f".{conv}."): value
        for key, value in host.items()
    }
    torch.save({"state_dict": state}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="has no motion module"):
        load_weights(create_model("msnet_resnet18", 5, width=16), tmp_path / "other.pth")


def test_a_part_of_the_motion_module_is_not_taken_for_none(tmp_path: Path) -> None:
    state = small("msnet_resnet18").state_dict()
    del state["motion.conv.weight"]
    torch.save(state, tmp_path / "part.pth")
    with pytest.raises(UserError, match=r"missing: motion\.conv\.weight"):
        load_weights(create_model("msnet_resnet18", 5, width=16), tmp_path / "part.pth")


def test_imagenet_weights_start_the_trunk(tmp_path: Path) -> None:
    theirs = import_torchvision().models.resnet18().state_dict()
    torch.save(theirs, tmp_path / "resnet18-f37072fd.pth")
    model = create_model("msnet_resnet18", 12, pretrained=tmp_path / "resnet18-f37072fd.pth")
    report = model.load_report
    assert report is not None
    assert report.left_out == ("fc.weight", "fc.bias")
    assert report.loaded == len(theirs) - 2
    assert {key.partition(".")[0] for key in report.kept} == {"motion"}
    assert torch.equal(model.get_parameter("layer2.0.conv1.weight"), theirs["layer2.0.conv1.weight"])


def test_initial_classifier_and_preprocessing() -> None:
    model = create_model("msnet_resnet18", 10, width=16)
    fc = model.get_parameter("fc.weight")
    bound = (6 / (128 + 10)) ** 0.5
    assert fc.abs().max().item() == pytest.approx(bound, rel=0.05)
    assert fc.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
    assert not model.get_parameter("fc.bias").any()
    assert model.dropout.p == 0.5
    assert model.preprocessing == Preprocessing()


@pytest.mark.parametrize(
    ("name", "classes", "frames", "params", "gmacs"),
    [("msnet_resnet50", 174, 16, 23.94, 66.3), ("msnet_resnet50", 174, 8, 23.94, 33.1)],
)
def test_known_costs(name: str, classes: int, frames: int, params: float, gmacs: float) -> None:
    """224 pixels; the correlation, which multiplies rows by whole rows, is counted apart."""
    with torch.device("meta"):
        model = create_model(name, classes)
    cost = measure_cost(model, frames, 224)
    correlation = frames * 15 * 28 * 28 * (28 + 14) * 64 / 1e9
    assert cost.params / 1e6 == pytest.approx(params, abs=0.005)
    assert cost.gmacs - correlation == pytest.approx(gmacs, abs=0.05)


def test_arc_in_the_stages_leaves_the_motion_module_alone() -> None:
    host = small("msnet_resnet50").eval()
    clips = torch.randn(1, 3, 3, 40, 48)
    with torch.no_grad():
        expected = host(clips)
        model = convert(host, stages=(1, 2, 3, 4))
        torch.testing.assert_close(model(clips), expected)
    report = arc_report(model)
    assert [c.name for c in report.converted] == [
        f"layer{stage + 1}.{block}.conv2" for stage, depth in enumerate((3, 4, 6, 3)) for block in range(depth)
    ]
    assert {c.feedback for c in report.converted} == {"convolution + BatchNorm + ReLU"}
    assert {c.note for c in report.converted} == {""}
    layers = [layer for layer in model.modules() if isinstance(layer, ArcLayer)]
    assert not any(layer.config.signed_input for layer in layers)


@pytest.mark.slow
def test_exported_for_any_number_of_frames() -> None:
    network = ExportedNetwork(small("msnet_resnet18"), Preprocessing(resize=48, crop=48))
    program = capture(network).module()
    for batch, frames in ((1, 1), (3, 2), (1, 4)):
        clips = torch.randint(256, (batch, frames, 3, 48, 48), dtype=torch.uint8)
        with torch.no_grad():
            torch.testing.assert_close(program(clips), network(clips))


def test_too_narrow_is_refused() -> None:
    with pytest.raises(ValueError, match="width=4 is too narrow"):
        MSNet("msnet_resnet18", 18, 5, width=4)
