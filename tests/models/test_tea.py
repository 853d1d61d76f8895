import importlib
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.export.network import ExportedNetwork, capture
from recircle.layers.motion_excitation import MotionExcitation
from recircle.layers.temporal_aggregation import ChannelwiseTemporalConv
from recircle.models import VideoModel, create_model, load_weights, measure_cost
from recircle.models.tea import TEA
from recircle.surgery.convert import arc_report, convert
from recircle.views.preprocessing import Preprocessing
from tests.models.oracle import randomise
from tests.models.small import small
from tests.torchvision_oracle import import_torchvision

NAME = "tea_res2net50"


def res2net() -> nn.Module:
    """Return the image network, whose names are those of its authors' weight files."""
    import_torchvision()
    return importlib.import_module("timm").create_model("res2net50_26w_4s", num_classes=1000)


def test_imagenet_weights_start_a_trunk_that_is_res2net_on_each_frame(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = res2net().eval()
    randomise(theirs)
    file = tmp_path / "res2net50_26w_4s-06e79181.pth"
    torch.save(theirs.state_dict(), file)
    model = create_model(NAME, 1000, pretrained=file).eval()
    report = model.load_report
    assert report is not None
    assert report.left_out == ()
    assert report.loaded == len(theirs.state_dict())
    assert {re.sub(r"^layer\d\.\d\.(me|mta\.temporal)\..*", r"\1", key) for key in report.kept} == {
        "me",
        "mta.temporal",
    }
    narrow = create_model(NAME, 12, pretrained=file).load_report
    assert narrow is not None
    assert narrow.left_out == ("fc.weight", "fc.bias")

    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, MotionExcitation):
                # gates of 1/2 leave their channels as they are
                nn.init.zeros_(module.bn3.weight)
            elif isinstance(module, ChannelwiseTemporalConv):
                module.start = "identity"
                module.reset_parameters()
        clips = torch.randn(1, 2, 3, 40, 33)
        expected = theirs(clips[0]).mean(0, keepdim=True)
        torch.testing.assert_close(model(clips), expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_published_initial_values() -> None:
    torch.manual_seed(1)
    model = create_model(NAME, 7, width=16)
    for name, module in model.named_modules():
        if isinstance(module, ChannelwiseTemporalConv):
            assert module.start == ("shift" if name.endswith("temporal.3") else "identity")
            assert module.weight.sum() == len(module.weight)
    # He's fan of a depthwise convolution over all its groups, as PyTorch counts it
    wide = create_model(NAME, 7)
    std = wide.get_parameter("layer4.0.me.conv2.weight").std().item()
    assert std == pytest.approx((2 / (52 * 9)) ** 0.5, rel=0.15)
    assert wide.get_parameter("fc.weight").std().item() == pytest.approx(0.001, rel=0.1)
    assert wide.get_parameter("layer3.1.mta.convs.1.weight").std().item() == pytest.approx((2 / 936) ** 0.5, rel=0.05)
    assert wide.dropout.p == 0.5
    assert wide.preprocessing == Preprocessing()


def under_published_names(model: VideoModel) -> dict[str, Tensor]:
    """Return the weights as the authors' code would have saved them."""
    state: dict[str, Tensor] = {}
    for key, value in model.state_dict().items():
        new = re.sub(r"\.mta\.temporal\.(\d)\.weight", r".shifts.\1.conv.weight", key).replace(".mta.", ".")
        state["module." + ("new_" if key.startswith("fc.") else "base_model.") + new] = value
    return state


def test_published_checkpoint_loads(tmp_path: Path) -> None:
    trained = small(NAME, 6)
    state = under_published_names(trained)
    assert "module.base_model.layer1.0.shifts.3.conv.weight" in state
    file = tmp_path / "tea.pth.tar"
    torch.save({"epoch": 50, "state_dict": state}, file)
    model = create_model(NAME, 6, width=16)
    report = load_weights(model, file)
    assert (report.loaded, report.left_out, report.kept) == (len(state), (), ())
    ours = model.state_dict()
    assert all(torch.equal(value, ours[key]) for key, value in trained.state_dict().items())
    tuned = create_model(NAME, 4, width=16, pretrained=file)
    assert tuned.load_report is not None
    assert tuned.load_report.left_out == ("fc.weight", "fc.bias")

    del state["module.base_model.layer2.1.shifts.0.conv.weight"]
    state["module.base_model.layer2.1.me.conv4.weight"] = torch.rand(3)
    torch.save({"state_dict": state}, file)
    with pytest.raises(
        UserError,
        match=r"missing: layer2\.1\.mta\.temporal\.0\.weight; left over: layer2\.1\.me\.conv4\.weight",
    ):
        load_weights(model, file)


def test_checkpoints_of_other_networks(tmp_path: Path) -> None:
    tsm = create_model("tsm_resnet50", 6, width=16).state_dict()
    torch.save(tsm, tmp_path / "image.pth")
    with pytest.raises(UserError, match=f"does not fit {NAME}; missing: .*; left over: layer1"):
        load_weights(create_model(NAME, 6, width=16), tmp_path / "image.pth")
    added = small(NAME, 6)
    plain = {
        key: value for key, value in under_published_names(added).items() if ".me." not in key and ".shifts." not in key
    }
    torch.save(plain, tmp_path / "video.pth")
    with pytest.raises(UserError, match="has no motion excitation"):
        load_weights(create_model(NAME, 6, width=16), tmp_path / "video.pth")


@pytest.mark.parametrize(("frames", "size", "gmacs"), [(16, 224, 69.07), (8, 224, 34.54), (16, 256, 90.2)])
def test_known_costs(frames: int, size: int, gmacs: float) -> None:
    """174 classes."""
    with torch.device("meta"):
        cost = measure_cost(create_model(NAME, 174), frames, size)
    assert cost.params / 1e6 == pytest.approx(24.46, abs=0.005)
    assert cost.gmacs == pytest.approx(gmacs, rel=0.001)


def test_a_frame_alone_changes_its_neighbours() -> None:
    model = small(NAME).eval()
    clips = torch.randn(1, 4, 3, 33, 33)
    with torch.no_grad():
        single = model(clips[:, :1])
        repeated = model(clips[:, :1].expand(-1, 4, -1, -1, -1))
    assert (single - repeated).abs().max() > 1e-3


def test_arc_finds_norm_and_activation() -> None:
    model = convert(small(NAME), 2, where="layer4.*.mta.convs.*")
    assert {(c.feedback, c.note) for c in arc_report(model).converted} == {("convolution + BatchNorm + ReLU", "")}
    assert len(arc_report(model).converted) == 9


@pytest.mark.slow
def test_exported_for_any_number_of_frames() -> None:
    tiny = TEA(NAME, (1, 1, 2, 1), 5, width=16)
    network = ExportedNetwork(tiny, Preprocessing(resize=33, crop=33))
    program = capture(network).module()
    for batch, frames in ((1, 1), (3, 2), (1, 4)):
        clips = torch.randint(256, (batch, frames, 3, 33, 33), dtype=torch.uint8)
        with torch.no_grad():
            torch.testing.assert_close(program(clips), network(clips))


def test_too_narrow_is_refused() -> None:
    with pytest.raises(ValueError, match="width=7 is too narrow"):
        create_model(NAME, 5, width=7)
