from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

import recircle
import recircle.models.abm
from recircle.errors import UserError
from recircle.layers.bilinear import BilinearConv3d
from recircle.models import VideoModel, create_model, load_weights, measure_cost
from recircle.models.registry import model_options
from recircle.surgery.convert import arc_report
from recircle.views.preprocessing import Preprocessing
from tests.models.oracle import randomise
from tests.models.test_checkpoints import published
from tests.torchvision_oracle import import_torchvision


def small(depth: int = 18, **options: Any) -> VideoModel:
    """Return a narrow network whose bilinear layers, norms and classifier are not at their initial values."""
    model = create_model(f"abm_iabp_resnet{depth}", 5, dropout=0.0, width=8, **options).eval()
    randomise(model)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, BilinearConv3d):
                layer.conv.weight.add_(torch.randn_like(layer.conv.weight), alpha=0.02)
                layer.factor.weight.normal_(0, 0.02)
                layer.get_parameter("factor.bias").add_(1)
    return model


def abstract(name: str, num_classes: int, **options: Any) -> VideoModel:
    """Return a network whose weights take no memory."""
    with torch.device("meta"):
        return create_model(name, num_classes, **options)


@pytest.mark.parametrize(
    ("depth", "frames", "params", "gmacs"), [(18, 24, 26.77, 30.27), (34, 24, 61.95, 77.44), (50, 48, 64.44, 161.7)]
)
def test_known_costs(depth: int, frames: int, params: float, gmacs: float) -> None:
    """174 classes and 224 pixels, snippets of 3 frames; of depth 18 and 50 ARC's table has 26.8 M and 30.4 GMACs."""
    cost = measure_cost(abstract(f"abm_iabp_resnet{depth}", 174), frames, 224)
    assert cost.params / 1e6 == pytest.approx(params, abs=0.01)
    assert cost.gmacs == pytest.approx(gmacs, rel=5e-4)


@pytest.mark.parametrize(("depth", "conv", "blocks"), [(18, "conv1", 3), (34, "conv1", 10), (50, "conv2", 10)])
def test_bilinear_are_all_blocks_of_three_stages_but_the_first(depth: int, conv: str, blocks: int) -> None:
    model = create_model(f"abm_iabp_resnet{depth}", 2, width=8)
    names = [name for name, module in model.named_modules() if isinstance(module, BilinearConv3d)]
    assert len(names) == blocks
    assert all(name.endswith(conv) and name[:6] != "layer1" and name[7] != "0" for name in names)
    assert model.preprocessing == Preprocessing()
    assert model_options(model.name) == {"width", "dropout", "snippet"}


@pytest.mark.parametrize("depth", [18, 50])
def test_at_first_it_is_the_image_network(depth: int) -> None:
    image = create_model(f"tsn_resnet{depth}", 5, width=8, dropout=0.0).eval()
    randomise(image)
    model = create_model(f"abm_iabp_resnet{depth}", 5, width=8, dropout=0.0, snippet=1).eval()
    model.load_state_dict(model.convert_published(image.state_dict()), strict=False)
    x = torch.randn(2, 4, 3, 40, 33)
    with torch.no_grad():
        expected = image(x)
        assert expected.std() > 0.01
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)


def test_stem_of_image_weights_adds_the_frames_of_a_snippet() -> None:
    image = create_model("tsn_resnet18", 5, width=8).eval()
    model = create_model("abm_iabp_resnet18", 5, width=8).eval()
    stem = model.get_parameter("conv1.weight")
    assert stem.shape == (8, 9, 7, 7)
    assert torch.equal(stem[:, :3], stem[:, 6:])
    state = model.convert_published(image.state_dict())
    assert torch.equal(state["conv1.weight"], image.get_parameter("conv1.weight").repeat(1, 3, 1, 1))
    model.load_state_dict(state, strict=False)
    x = torch.randn(1, 6, 3, 33, 33)
    with torch.no_grad():
        expected = image(x.unflatten(1, (2, 3)).sum(2))
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)


def test_positions_are_snippets_of_consecutive_frames() -> None:
    model = small().double()
    x = torch.randn(1, 6, 3, 33, 33, dtype=torch.float64)
    with torch.no_grad():
        assert model.forward_features(x).shape == (1, 2, 64, 2, 2)
        assert model.forward_head(model.forward_features(x), pre_logits=True).shape == (1, 64)
        weights = model.get_parameter("conv1.weight").split(3, 1)
        stem = sum(F.conv2d(x[:, i::3].flatten(0, 1), weights[i], None, 2, 3) for i in range(3))
        seen: list[Tensor] = []
        model.get_submodule("conv1").register_forward_hook(lambda *call: seen.append(call[-1]))
        model(x)
    torch.testing.assert_close(seen[0].flatten(0, 1), stem)


def test_published_checkpoint_loads(tmp_path: Path) -> None:
    state, file = published("abm_r18"), tmp_path / "abm_resnet18_iabp.pth.tar"
    wrapped = {f"module.{key}": value for key, value in state.items()}
    torch.save({"epoch": 50, "arch": "resnet18", "state_dict": wrapped, "best_prec1": 45.1}, file)
    model = create_model("abm_iabp_resnet18", 12)
    report = load_weights(model, file)
    assert (report.loaded, report.left_out, report.kept) == (len(state), (), ())
    ours = model.state_dict()
    for theirs, name in {
        "layer2.1.conv1.weight": "layer2.1.conv1.conv.weight",
        "layer2.1.conv1_abp.bias": "layer2.1.conv1.factor.bias",
        "layer4.1.bn1.running_var": "layer4.1.conv1.norm.running_var",
        "layer4.1.bn2.weight": "layer4.1.bn2.weight",
        "layer3.0.conv1.weight": "layer3.0.conv1.weight",
        "fc2.weight": "fc.weight",
    }.items():
        assert torch.equal(ours[name], state[theirs]), theirs
    with pytest.raises(UserError, match="a classifier of 12 classes, abm_iabp_resnet18 one of 3"):
        load_weights(abstract("abm_iabp_resnet18", 3), file)
    assert load_weights(create_model("abm_iabp_resnet18", 3), file, new_classifier=True).left_out
    with pytest.raises(UserError, match=r"snippets of 3 frames, .* is made for 1; make it with snippet=3"):
        load_weights(abstract("abm_iabp_resnet18", 12, snippet=1), file)
    with pytest.raises(UserError, match=r"does not fit abm_iabp_resnet34; missing: layer1\.2"):
        load_weights(abstract("abm_iabp_resnet34", 12), file)
    with pytest.raises(UserError, match=r"left over: .*layer2\.1\.conv1_abp"):
        load_weights(abstract("tsn_resnet18", 12), file)


def test_checkpoint_without_all_its_branches_is_refused(tmp_path: Path) -> None:
    state = small().state_dict()
    del state["layer3.1.conv1.factor.weight"]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=r"missing: layer3\.1\.conv1\.factor\.weight$"):
        load_weights(small(), tmp_path / "model.safetensors")


@pytest.mark.parametrize(("depth", "kept"), [(18, 6), (50, 20)])
def test_imagenet_file_loads(depth: int, kept: int, tmp_path: Path) -> None:
    theirs, file = getattr(import_torchvision().models, f"resnet{depth}")().state_dict(), tmp_path / "resnet.pth"
    torch.save(theirs, file)
    model = create_model(f"abm_iabp_resnet{depth}", 12, pretrained=file)
    report = model.load_report
    assert report is not None
    assert report.left_out == ("fc.weight", "fc.bias")
    assert (report.loaded, len(report.kept)) == (len(theirs) - 2, kept)
    conv = "conv1" if depth == 18 else "conv2"
    ours, weight = model.state_dict(), theirs[f"layer4.1.{conv}.weight"]
    assert torch.equal(ours[f"layer4.1.{conv}.conv.weight"][:, :, 1], weight)
    assert torch.equal(ours[f"layer4.1.{conv}.conv.weight"].sum(2), weight)
    assert torch.equal(ours["conv1.weight"], theirs["conv1.weight"].repeat(1, 3, 1, 1))
    other = {18: 34, 50: 18}[depth]
    with pytest.raises(UserError, match=f"does not fit abm_iabp_resnet{other}"):
        load_weights(abstract(f"abm_iabp_resnet{other}", 12), file)


def test_other_files_do_not_pass(tmp_path: Path) -> None:
    file = tmp_path / "tsm.pth"
    torch.save(published("tsm_r18"), file)
    with pytest.raises(UserError, match="left over: base_model"):
        load_weights(abstract("abm_iabp_resnet18", 12), file)


def test_own_files(tmp_path: Path) -> None:
    model, other = small(), create_model("abm_iabp_resnet18", 5, width=8)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    report = load_weights(other, tmp_path / "model.safetensors")
    assert report.kept == ()
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in other.state_dict().items())


def test_options_and_clips_that_are_refused() -> None:
    with pytest.raises(ValueError, match="snippet=0"):
        create_model("abm_iabp_resnet18", 2, width=8, snippet=0)
    with pytest.raises(ValueError, match="width=4"):
        create_model("abm_iabp_resnet18", 2, width=4)
    with pytest.raises(ValueError, match=r"4 frames: abm_iabp_resnet18 takes 3 frames or more, a multiple of 3"):
        small()(torch.zeros(1, 4, 3, 33, 33))


def test_arc_in_all_its_convolutions() -> None:
    model = small()
    x = torch.randn(1, 6, 3, 33, 33)
    with torch.no_grad():
        expected = model(x)
        recircle.convert(model)
        torch.testing.assert_close(model(x), expected)
    fed = {entry.name: entry.feedback for entry in arc_report(model).converted}
    assert len(fed) == 16 + 3
    assert fed["layer2.1.conv1.conv"] == "convolution + BatchNorm"
    assert fed["layer2.1.conv1.factor"] == "convolution"
    assert not any(entry.note for entry in arc_report(model).converted)


@pytest.mark.parametrize("arc", [False, True], ids=["host", "arc"])
def test_prepared_network_computes_the_same(arc: bool) -> None:
    model = small(50)
    if arc:
        recircle.convert(model)
    x = torch.randn(1, 6, 3, 33, 33)
    with torch.no_grad():
        torch.testing.assert_close(recircle.prepare_for_inference(model)(x), model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("snippet", [1, 3])
@pytest.mark.slow
def test_capture_for_any_number_of_frames(snippet: int) -> None:
    model = small(snippet=snippet)
    positions: Any = torch.export.Dim("T", min=1)
    dims = {0: torch.export.Dim("B", min=1), 1: positions if snippet == 1 else snippet * positions}
    x = torch.randn(2, 2 * snippet, 3, 33, 33)
    program = torch.export.export(model, (x,), dynamic_shapes={"clips": dims}, strict=False)
    # a capture guards against a quotient of 1, T / 3, though its graph computes that too
    captured = program.module(check_guards=snippet == 1)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        for batch, count in ((1, 1), (3, 4)):
            x = torch.randn(batch, count * snippet, 3, 33, 33)
            torch.testing.assert_close(captured(x), model(x), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(compiled(x), model(x), rtol=1e-4, atol=1e-5)
