from pathlib import Path

import pytest
import torch
from torch import nn

from recircle.arc.module import ArcLayer
from recircle.errors import UserError
from recircle.export.network import ExportedNetwork, capture
from recircle.models import VideoModel, create_model, load_weights, measure_cost
from recircle.surgery.convert import arc_report, convert
from recircle.surgery.prepare import prepare_for_inference, prepare_report
from recircle.views.preprocessing import Preprocessing
from tests.models.oracle import randomise
from tests.models.resnet3d_published import published
from tests.torchvision_oracle import import_torchvision

NAMES = (
    "i3d_resnet50",
    "i3d_resnet50_res5_stride1",
    "i3d_resnet50_nonlocal",
    "i3d_resnet50_mmaction2",
    "slowonly_resnet50",
)


def narrow(name: str, classes: int = 5) -> VideoModel:
    torch.manual_seed(len(name))
    model = create_model(name, classes, width=8, dropout=0.0).eval()
    randomise(model)
    return model


@pytest.mark.parametrize(
    ("name", "frames", "size", "params", "gmacs"),
    [
        ("i3d_resnet50", 8, 224, 28.04, 28.4),
        ("i3d_resnet50", 32, 224, 28.04, 113.6),
        ("i3d_resnet50_res5_stride1", 32, 224, 28.04, 152.5),
        ("i3d_resnet50_nonlocal", 32, 224, 28.04, 32.8),
        ("i3d_resnet50_mmaction2", 32, 256, 28.04, 43.3),
        ("slowonly_resnet50", 8, 224, 32.45, 41.7),
    ],
)
def test_known_costs(name: str, frames: int, size: int, params: float, gmacs: float) -> None:
    """400 classes, as published; 43.5 is what mmaction2 prints with norms and pools counted."""
    with torch.device("meta"):
        cost = measure_cost(create_model(name, 400), frames, size)
    assert cost.params / 1e6 == pytest.approx(params, abs=0.005)
    assert cost.gmacs == pytest.approx(gmacs, abs=0.05)


def test_parameters_for_something_something() -> None:
    with torch.device("meta"):
        model = create_model("i3d_resnet50_res5_stride1", 174)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(27.58, abs=0.005)


@pytest.mark.parametrize(
    ("name", "least", "frames", "size"),
    [
        ("i3d_resnet50", 2, 16, 7),
        ("i3d_resnet50_res5_stride1", 2, 16, 14),
        ("i3d_resnet50_nonlocal", 7, 4, 7),
        ("i3d_resnet50_mmaction2", 5, 4, 7),
        ("slowonly_resnet50", 1, 32, 7),
    ],
)
def test_feature_maps(name: str, least: int, frames: int, size: int) -> None:
    with torch.device("meta"):
        model = create_model(name, 5, width=8)
        assert model.forward_features(torch.empty(2, 32, 3, 224, 224)).shape == (2, frames, 256, size, size)
        assert model.forward_features(torch.empty(2, least, 3, 64, 48)).shape[1] == 1
        assert model(torch.empty(2, least, 3, 64, 48)).shape == (2, 5)
    assert model.min_frames == least
    if least > 1:
        with pytest.raises(ValueError, match=f"{name} takes {least} frames or more"):
            model(torch.empty(2, least - 1, 3, 64, 64))


def test_temporal_kernels() -> None:
    def kernels(name: str) -> list[list[int]]:
        with torch.device("meta"):
            state = create_model(name, 5).state_dict()
        return [
            [state[f"layer{stage}.{block}.conv1.weight"].shape[2] for block in range(depth)]
            for stage, depth in enumerate((3, 4, 6, 3), 1)
        ]

    assert kernels("i3d_resnet50") == [[3, 3, 3], [3, 1, 3, 1], [3, 1, 3, 1, 3, 1], [1, 3, 1]]
    assert kernels("slowonly_resnet50") == [[1] * 3, [1] * 4, [3] * 6, [3] * 3]


def test_starts_as_published() -> None:
    model = create_model("i3d_resnet50", 400, width=16)
    state = model.state_dict()
    assert not state["layer2.1.bn3.weight"].any()
    assert bool((state["layer2.1.bn2.weight"] == 1).all())
    assert state["layer3.0.conv2.weight"].std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)
    assert state["fc.weight"].std().item() == pytest.approx(0.01, rel=0.05)
    assert not state["fc.bias"].any()
    assert (model.preprocessing.mean, model.preprocessing.std) == ((0.45,) * 3, (0.225,) * 3)
    assert (model.preprocessing.channels, model.preprocessing.resize, model.preprocessing.crop) == ("rgb", 256, 224)
    assert (model.dropout.p, model.consensus) == (0.5, "features")
    assert create_model("i3d_resnet50_mmaction2", 2, width=8).preprocessing.mean == (0.485, 0.456, 0.406)


def test_pools_of_nonlocal_and_mmaction2() -> None:
    x = torch.randn(2, 16, 3, 64, 64)
    ours, theirs = narrow("i3d_resnet50_nonlocal"), narrow("i3d_resnet50_mmaction2")
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        stem = ours.get_submodule("act1")(ours.get_submodule("bn1")(ours.get_submodule("conv1")(x.transpose(1, 2))))
        assert stem.shape[2:] == (8, 32, 32)
        pooled = ours.get_submodule("maxpool")(stem)
        windows = stem.unfold(2, 2, 2).unfold(3, 3, 2).unfold(4, 3, 2)
        torch.testing.assert_close(pooled, windows.amax((-3, -2, -1)))
        assert pooled.shape[2:] == (4, 15, 15)
        assert theirs.get_submodule("maxpool")(stem).shape[2:] == (4, 16, 16)
        assert (ours(x) - theirs(x)).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("name", "naming"),
    [
        ("i3d_resnet50", "PySlowFast"),
        ("i3d_resnet50", "pytorchvideo"),
        ("i3d_resnet50", "Caffe2"),
        ("i3d_resnet50_res5_stride1", "PySlowFast"),
        ("i3d_resnet50_nonlocal", "Caffe2"),
        ("i3d_resnet50_mmaction2", "mmaction2"),
        ("slowonly_resnet50", "PySlowFast"),
        ("slowonly_resnet50", "pytorchvideo"),
        ("slowonly_resnet50", "Caffe2"),
        ("slowonly_resnet50", "mmaction2"),
    ],
)
@pytest.mark.parametrize("container", ["model_state", "state_dict"])
def test_published_checkpoints_load(name: str, naming: str, container: str, tmp_path: Path) -> None:
    source, model = narrow(name), narrow(name)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    theirs = published(source.state_dict(), naming)
    assert not theirs.keys() & source.state_dict().keys()
    file = tmp_path / "checkpoint.pyth"
    torch.save({"epoch": 196, container: {f"module.{key}": value for key, value in theirs.items()}}, file)
    report = load_weights(model, file)
    assert (report.loaded, report.left_out, report.kept) == (len(theirs), (), ())
    x = torch.randn(1, 9, 3, 40, 40)
    with torch.no_grad():
        assert torch.equal(model(x), source(x))
    other = create_model(name, 7, width=8)
    assert load_weights(other, file, new_classifier=True).left_out == ("fc.weight", "fc.bias")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("s1.pathway0_stem.bn.running_mean", "bn1.running_mean"),
        ("s4.pathway0_res5.branch2.b.weight", "layer3.5.conv2.weight"),
        ("s5.pathway0_res0.branch1_bn.bias", "layer4.0.downsample.1.bias"),
        ("head.projection.bias", "fc.bias"),
        ("s3.pathway1_res0.branch2.a.weight", "fast.layer2.0.conv1.weight"),
    ],
)
def test_names_of_pyslowfast(theirs: str, ours: str) -> None:
    value = torch.randn(3)
    renamed = narrow("slowonly_resnet50").convert_published({"s1.pathway0_stem.conv.weight": value, theirs: value})
    assert renamed.keys() == {"conv1.weight", ours}


@pytest.mark.parametrize(
    ("name", "naming", "message"),
    [
        ("i3d_resnet50", "mmaction2", "names of mmaction2, .* load it into i3d_resnet50_mmaction2"),
        ("i3d_resnet50_nonlocal", "PySlowFast", "names of PySlowFast, .* load it into i3d_resnet50, or"),
        ("i3d_resnet50_nonlocal", "pytorchvideo", "names of pytorchvideo"),
        ("i3d_resnet50_mmaction2", "Caffe2", "names of Caffe2, .* or i3d_resnet50_nonlocal if"),
    ],
)
def test_files_of_other_forms_are_refused(name: str, naming: str, message: str, tmp_path: Path) -> None:
    model = narrow(name)
    torch.save(published(model.state_dict(), naming), tmp_path / "file.pth")
    with pytest.raises(UserError, match=message):
        load_weights(model, tmp_path / "file.pth")


def test_files_of_other_networks_list_their_keys(tmp_path: Path) -> None:
    slowonly = published(narrow("slowonly_resnet50").state_dict(), "PySlowFast")
    torch.save({"model_state": slowonly}, tmp_path / "slow.pyth")
    with pytest.raises(
        UserError, match=r"of another shape: conv1.weight \[8, 3, 1, 7, 7\] instead of \[8, 3, 5, 7, 7\]"
    ):
        load_weights(narrow("i3d_resnet50"), tmp_path / "slow.pyth")
    slowonly["s4.pathway0_nonlocal1.conv_g.weight"] = torch.zeros(2)
    slowonly["s4.pathway0_res6.branch2.a.weight"] = torch.zeros(2)
    torch.save({"model_state": slowonly}, tmp_path / "slow.pyth")
    with pytest.raises(UserError, match=r"left over: s4.pathway0_nonlocal1.conv_g.weight, layer3.6.conv1.weight"):
        load_weights(narrow("slowonly_resnet50"), tmp_path / "slow.pyth")


def test_own_names_stay() -> None:
    state = narrow("i3d_resnet50").state_dict()
    assert narrow("i3d_resnet50").convert_published(dict(state)) == state


def test_image_weights_are_inflated(tmp_path: Path) -> None:
    torch.manual_seed(0)
    image_network = import_torchvision().models.resnet50().eval()
    randomise(image_network)
    torch.save(image_network.state_dict(), tmp_path / "resnet50-0676ba61.pth")
    with torch.device("meta"):
        model = create_model("slowonly_resnet50", 5).eval()
    model.to_empty(device="cpu")
    report = load_weights(model, tmp_path / "resnet50-0676ba61.pth")
    assert (report.left_out, report.kept) == (("fc.weight", "fc.bias"), ())
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        expected = nn.Sequential(*list(image_network.children())[:-2])(image)
        # so many frames that the padding in time, nine layers of one frame, does not reach the middle
        features = model.forward_features(image[:, None].expand(-1, 21, -1, -1, -1))
    assert expected.std() > 0.1
    torch.testing.assert_close(features[:, 10], expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["i3d_resnet50", "i3d_resnet50_nonlocal"])
def test_inflation_spreads_each_kernel_over_time(name: str) -> None:
    target = narrow(name).state_dict()
    flat = {key: value.sum(2) if value.dim() == 5 else value for key, value in target.items()}
    inflated = narrow(name).convert_published(flat)
    for key, value in target.items():
        assert inflated[key].shape == value.shape
        if value.dim() == 5:
            assert torch.equal(inflated[key], inflated[key][:, :, :1].expand_as(value))
            torch.testing.assert_close(inflated[key].sum(2), flat[key])


@pytest.mark.parametrize("name", ["i3d_resnet50", "slowonly_resnet50"])
def test_arc_and_folding(name: str) -> None:
    model, x = narrow(name), torch.randn(2, 6, 3, 40, 40)
    with torch.no_grad():
        expected = model(x)
        prepared = prepare_for_inference(model)
        assert (len(prepare_report(prepared).folded), prepare_report(prepared).left) == (53, ())
        torch.testing.assert_close(prepared(x), expected, rtol=1e-4, atol=1e-5)
        convert(model, 2)
        report = arc_report(model)
        # 16 of 1x3x3, and 9 of 3x1x1
        assert len(report.converted) == 25
        assert {(entry.feedback, entry.note) for entry in report.converted} == {("convolution + BatchNorm + ReLU", "")}
        assert not any(m.config.signed_input for m in model.modules() if isinstance(m, ArcLayer))
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)
        assert (len(prepare_report(prepare_for_inference(model)).folded)) == 53


@pytest.mark.parametrize("name", ["i3d_resnet50_nonlocal", "slowonly_resnet50"])
def test_exports_for_all_frames_that_it_takes(name: str) -> None:
    model = narrow(name)
    network = ExportedNetwork(model, Preprocessing(resize=64, crop=64))
    program = capture(network).module()
    for batch, frames in ((1, model.min_frames), (3, 19)):
        pixels = torch.randint(0, 256, (batch, frames, 3, 64, 64), dtype=torch.uint8)
        torch.testing.assert_close(program(pixels), network(pixels), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_compiles_whole() -> None:
    model, clips = narrow("i3d_resnet50"), torch.randn(2, 4, 3, 33, 33)
    with torch.no_grad():
        compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
        torch.testing.assert_close(compiled(clips), model(clips), rtol=1e-4, atol=1e-5)


def test_wrong_options() -> None:
    with pytest.raises(ValueError, match="width=4 is too narrow"):
        create_model("i3d_resnet50", 2, width=4)
