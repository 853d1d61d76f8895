import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.layers.rubiks_shift import RubiksShift
from recircle.models import VideoModel, create_model, load_weights, measure_cost
from recircle.surgery.convert import arc_report, convert
from recircle.views.preprocessing import Preprocessing
from tests.models.test_checkpoints import published

TIERS = {"tiny": (1.90, 3.70), "small": (3.60, 6.51), "medium": (6.19, 10.93), "large": (8.54, 15.35)}


def backwards(model: VideoModel) -> dict[str, Tensor]:
    """Return the weights of a network under the names of the published code."""
    aq = any("attention_shift" in key for key in model.state_dict())
    names = [
        (r"fc\.", "new_fc."),
        (r"bn\.", "backbone.bn_last."),
        (r"conv1\.weight", "backbone.conv1.weight"),
        (r"(layer\d\.\d+)\.conv1", r"backbone.\1.conv2.1" if aq else r"backbone.\1.conv2"),
        (r"(layer\d\.\d+)\.conv2", r"backbone.\1.conv3"),
        (r"(layer\d\.\d+)\.downsample", r"backbone.\1.shortcut"),
        (r"(layer\d\.\d+)\.se\.fc1", r"backbone.\1.se.fc.0"),
        (r"(layer\d\.\d+)\.se\.fc2", r"backbone.\1.se.fc.2"),
        (r"(layer\d\.\d+)\.shift\.shift", r"backbone.\1.as3.shift" if aq else r"backbone.\1.as3.rubiks3d.shift"),
        (r"(layer\d\.\d+)\.attention_shift\.temperature", r"backbone.\1.conv2.0.T"),
        (r"(layer\d\.\d+)\.attention_shift\.weight", r"backbone.\1.conv2.0.weight"),
        (r"(layer\d\.\d+)\.bn", r"backbone.\1.bn"),
    ]
    state: dict[str, Tensor] = {}
    for key, value in model.state_dict().items():
        (theirs,) = [re.sub(f"^{ours}", new, key) for ours, new in names if re.match(ours, key)]
        state[theirs] = value
    return state


def randomise(model: VideoModel) -> VideoModel:
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.uniform_(0.5, 1.5)
    return model


@pytest.mark.parametrize("tier", TIERS)
def test_costs(tier: str) -> None:
    params, gmacs = TIERS[tier]
    with torch.device("meta"):
        cost = measure_cost(create_model(f"rubiksnet_{tier}", 174), 8, 224)
    assert cost.params / 1e6 == pytest.approx(params, abs=0.005)
    assert cost.gmacs == pytest.approx(gmacs, abs=0.005)


def test_preprocessing_and_rates() -> None:
    model = create_model("rubiksnet_tiny", 3, width=8)
    assert model.preprocessing == Preprocessing(resize=256, crop=224, channels="rgb")
    assert model.dropout.p == 0
    assert create_model("rubiksnet_tiny", 3, width=8, dropout=0.3).dropout.p == 0.3


def test_initial_weights() -> None:
    torch.manual_seed(0)
    model = create_model("rubiksnet_tiny", 100)
    conv = model.get_parameter("layer4.1.conv1.weight")
    assert conv.std().item() == pytest.approx((2 / 432) ** 0.5, rel=0.02)
    assert model.get_parameter("conv1.weight").std().item() == pytest.approx((2 / (9 * 54)) ** 0.5, rel=0.1)
    fc = model.get_parameter("fc.weight")
    assert fc.abs().max().item() == pytest.approx(432**-0.5, rel=0.01)
    shift = model.get_parameter("layer4.1.shift.shift")
    assert shift.shape == (3, 432)
    assert shift.std().item() == pytest.approx(3**-0.5, rel=0.1)


def test_width_and_squeeze_excitation() -> None:
    model = create_model("rubiksnet_small", 3, width=24)
    assert model.num_features == 192
    assert model.get_parameter("layer3.0.se.fc1.weight").shape == (8, 96)
    assert create_model("rubiksnet_small", 3, width=8).get_parameter("layer1.0.se.fc1.weight").shape == (1, 8)
    assert "layer3.0.se.fc1.weight" not in create_model("rubiksnet_medium", 3, width=8).state_dict()


def test_options() -> None:
    shifts = [m for m in create_model("rubiksnet_tiny", 3, width=8).modules() if isinstance(m, RubiksShift)]
    assert {s.gradient for s in shifts} == {"published"}
    assert [s.stride for s in shifts].count(2) == 4
    model = create_model("rubiksnet_tiny", 3, width=8, shift_gradient="exact", variant="aq")
    shifts = [m for m in model.modules() if isinstance(m, RubiksShift)]
    assert {(s.gradient, len(s.shift)) for s in shifts} == {("exact", 2)}
    wrong: list[tuple[str, Any]] = [("width", 4), ("dropout", 1.0), ("variant", "4d"), ("shift_gradient", "rounded")]
    for option, value in wrong:
        with pytest.raises(ValueError, match=f"{option.removeprefix('shift_')}={value!r}"):
            create_model("rubiksnet_tiny", 3, **{option: value})


def test_published_file(tmp_path: Path) -> None:
    state = published("rubiksnet_small")
    file = tmp_path / "ssv2_small.pth.tar"
    torch.save({"tier": "small", "num_classes": 12, "num_frames": 8, "variant": "rubiks3d", "model": state}, file)
    model = create_model("rubiksnet_small", 12)
    report = load_weights(model, file)
    assert (report.loaded, report.left_out, report.kept) == (len(state), (), ())
    ours = model.state_dict()
    assert torch.equal(ours["layer2.0.shift.shift"], state["backbone.layer2.0.as3.rubiks3d.shift"])
    assert torch.equal(ours["layer2.0.se.fc2.weight"], state["backbone.layer2.0.se.fc.2.weight"])
    assert torch.equal(ours["bn.running_var"], state["backbone.bn_last.running_var"])
    tuned = create_model("rubiksnet_small", 3, pretrained=file)
    assert tuned.load_report is not None
    assert tuned.load_report.left_out == ("fc.weight", "fc.bias")
    with pytest.raises(UserError, match=r"a classifier of 12 classes, rubiksnet_small one of 3"):
        load_weights(create_model("rubiksnet_small", 3), file)


@pytest.mark.parametrize("variant", ["3d", "aq"])
@pytest.mark.parametrize("tier", ["tiny", "small"])
def test_names_there_and_back(tier: str, variant: str, tmp_path: Path) -> None:
    name = f"rubiksnet_{tier}"
    model = randomise(create_model(name, 4, width=8, variant=variant))
    theirs = backwards(model)
    file = tmp_path / "kinetics.pth.tar"
    torch.save({"tier": tier, "variant": "?", "model": {f"module.{k}": v for k, v in theirs.items()}}, file)
    save_file(model.state_dict(), tmp_path / "own.safetensors")
    for path in (file, tmp_path / "own.safetensors"):
        other = create_model(name, 4, width=8, variant=variant)
        assert load_weights(other, path).loaded == len(theirs)
        assert all(torch.equal(value, model.state_dict()[key]) for key, value in other.state_dict().items())
    if variant == "aq":
        assert {f"backbone.layer1.0.{key}" for key in ("conv2.0.T", "conv2.1.weight", "as3.shift")} < set(theirs)
    else:
        assert set(theirs) == set(published(name))


def test_files_of_other_networks(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"

    def fault(name: str, state: dict[str, Tensor], **options: Any) -> str:
        torch.save({"model": state}, file)
        with pytest.raises(UserError) as error:
            load_weights(create_model(name, 4, width=8, **options), file)
        return str(error.value)

    states = {
        tier: backwards(create_model(f"rubiksnet_{tier}", 4, width=8)) for tier in ("tiny", "small", "medium", "large")
    }
    assert "left over: layer0.0.se.fc1.weight" in fault("rubiksnet_tiny", states["small"])
    assert "missing: layer0.0.se.fc1.weight" in fault("rubiksnet_small", states["tiny"])
    assert "left over: layer3.6.bn1.weight" in fault("rubiksnet_tiny", states["medium"])
    assert "missing: layer2.4.bn1.weight" in fault("rubiksnet_large", states["medium"])
    wide = backwards(create_model("rubiksnet_tiny", 4, width=9))
    assert "of another shape: conv1.weight [9, 3, 3, 3]" in fault("rubiksnet_tiny", wide)
    aq = backwards(create_model("rubiksnet_tiny", 4, width=8, variant="aq"))
    message = 'the variant "aq" of RubiksNet, this rubiksnet_tiny of "3d"; make the network with variant="aq"'
    assert message in fault("rubiksnet_tiny", aq)
    assert 'make the network with variant="3d"' in fault("rubiksnet_tiny", states["tiny"], variant="aq")
    resnet = create_model("tsn_resnet18", 4, width=8).state_dict()
    assert "left over" in fault("rubiksnet_tiny", resnet)


def test_aq_is_its_formula() -> None:
    """A block of the variant, from its parts."""
    torch.manual_seed(1)
    model = randomise(create_model("rubiksnet_tiny", 4, width=8, variant="aq")).double().eval()
    block: Any = model.get_submodule("layer2.0")
    x = torch.randn(2, 3, 8, 7, 6, dtype=torch.float64)
    with torch.no_grad():
        y = torch.relu(block.bn1(x))
        shortcut = block.downsample(y)
        weight = block.attention_shift.weight
        weight = weight / (weight.std(dim=1, keepdim=True) + 1e-6) / block.attention_shift.temperature
        taps = weight.softmax(1).view(8, 1, 3, 1, 1)
        y = nn.functional.conv3d(y.transpose(1, 2), taps, padding=(1, 0, 0), groups=8).transpose(1, 2)
        y = torch.relu(block.bn2(block.conv1(y)))
        assert block.shift.shift.shape == (2, 16)
        y = block.conv2(block.shift(y)) + shortcut
        torch.testing.assert_close(block(x), y, rtol=0, atol=1e-11)


@pytest.mark.parametrize("size", [(1, 1), (31, 17), (64, 40)])
def test_sizes_and_single_frames(size: tuple[int, int]) -> None:
    model = create_model("rubiksnet_small", 4, width=8).eval()
    for frames in (1, 2):
        clips = torch.randn(1, frames, 3, *size)
        side = [-(-s // 32) for s in size]
        assert model.forward_features(clips).shape == (1, frames, 64, *side)
        assert model(clips).shape == (1, 4)


@pytest.mark.slow
def test_exports_for_any_batch_and_frames() -> None:
    torch.manual_seed(2)
    model = create_model("rubiksnet_small", 4, width=8).eval()
    dims: Any = {"clips": {0: torch.export.Dim("B", min=1), 1: torch.export.Dim("T", min=1)}}
    program = torch.export.export(model, (torch.randn(2, 3, 3, 24, 20),), dynamic_shapes=dims, strict=False).module()
    for batch, frames in ((1, 1), (2, 5)):
        clips = torch.randn(batch, frames, 3, 24, 20)
        with torch.no_grad():
            torch.testing.assert_close(program(clips), model(clips), rtol=1e-4, atol=1e-5)


def test_arc_takes_the_convolution_before_each_shift() -> None:
    model = create_model("rubiksnet_tiny", 4, width=8).double()
    with pytest.raises(ValueError, match="a 1x1 convolution; choose it with where="):
        convert(create_model("rubiksnet_tiny", 4, width=8))
    clips = torch.randn(1, 2, 3, 32, 32, dtype=torch.float64)
    expected = model.eval()(clips)
    converted = convert(model, where="layer*.conv1")
    report = arc_report(converted)
    assert len(report.converted) == 17
    assert {(entry.feedback, entry.note) for entry in report.converted} == {("convolution + BatchNorm + ReLU", "")}
    torch.testing.assert_close(converted(clips), expected, rtol=0, atol=1e-9)
