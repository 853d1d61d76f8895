from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import recircle
import recircle.models.gsm
import recircle.models.trn
import recircle.models.tsn_inception
from recircle.errors import UserError
from recircle.models import create_model, load_weights, measure_cost
from recircle.models.backbones.bn_inception import BN_INCEPTION
from recircle.models.backbones.caffe_graph import InceptionGraph
from recircle.models.backbones.caffe_inception import VideoInception, check_sides
from recircle.models.backbones.inception_v3 import INCEPTION_V3
from recircle.surgery.convert import arc_report
from recircle.views.preprocessing import Preprocessing
from tests.models import inception_files

BACKBONES = ("bninception", "inceptionv3")


@pytest.mark.parametrize(
    ("name", "frames", "size", "params", "gmacs"),
    [
        ("tsn_inceptionv3", 1, 229, 22.16, 3.34),
        ("tsn_bninception", 8, 224, 10.45, 16.3),
        ("gsm_inceptionv3", 16, 229, 22.21, 53.4),
        ("gsm_bninception", 8, 224, 10.50, 16.3),
        ("trn_bninception", 8, 224, 13.14, 16.3),
    ],
)
def test_known_costs(name: str, frames: int, size: int, params: float, gmacs: float) -> None:
    with torch.device("meta"):
        model = create_model(name, 174)
    cost = measure_cost(model, frames, size)
    assert cost.params / 1e6 == pytest.approx(params, abs=0.006)
    assert cost.gmacs == pytest.approx(gmacs, rel=0.005)
    assert model.preprocessing.crop == size


@pytest.mark.parametrize("family", ["tsn", "gsm"])
def test_preprocessing_and_dropout_are_the_published_ones(family: str) -> None:
    for backbone, resize, crop in (("bninception", 256, 224), ("inceptionv3", 261, 229)):
        model = create_model(f"{family}_{backbone}", 3, width=8)
        wanted = Preprocessing(resize=resize, crop=crop, mean=(104, 117, 128), std=(1, 1, 1), scale=1, channels="bgr")
        assert model.preprocessing == wanted
        assert model.dropout.p == (0.8 if family == "tsn" else 0.5)
        assert create_model(f"{family}_{backbone}", 3, width=8, dropout=0.1).dropout.p == 0.1
    blue = model.preprocessing.normalise(torch.tensor([0, 0, 200], dtype=torch.uint8).reshape(1, 3, 1, 1))
    assert blue.flatten().tolist() == [96, -117, -128]


@pytest.mark.parametrize("graph", [BN_INCEPTION, INCEPTION_V3], ids=BACKBONES)
def test_sides_that_are_taken_are_those_that_work(graph: InceptionGraph) -> None:
    near = [*range(-2, 10), 20, 30, 31, 32, 39, 40]
    works: list[int] = []
    taken: list[int] = []
    with torch.device("meta"):
        model = VideoInception("net", graph, 2, width=8).eval()
        for side in (graph.smallest + beyond for beyond in near):
            x = clips = torch.empty(1, 1, 3, side, graph.smallest)
            try:
                for part in graph.parts:
                    x = model.get_submodule(part)(x)
                works.append(side)
            except RuntimeError:
                pass
            try:
                check_sides(clips, model)
                taken.append(side)
            except ValueError:
                pass
    assert taken == works
    assert len(works) == 8 + 2


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("tsn_bninception", (64, 40), r"64 x 40 pixels: at a side of 40 .* near it 31 to 38 and 63 to 70 fit"),
        ("tsn_bninception", (20, 32), "near it 31 to 38 fit"),
        ("tsn_inceptionv3", (80, 75), "at a side of 80 .* 69 to 76 and 101 to 108 fit"),
        ("tsn_inceptionv3", (37, 75), "near it 69 to 76 fit"),
    ],
)
def test_other_sides_are_refused(name: str, size: tuple[int, int], message: str) -> None:
    model = create_model(name, 2, width=8)
    with pytest.raises(ValueError, match=message):
        model(torch.zeros(1, 1, 3, *size))


def test_sides_may_differ() -> None:
    model = create_model("tsn_bninception", 2, width=8).eval()
    assert model(torch.randn(1, 1, 3, 31, 70)).shape == (1, 2)


def test_width_narrows_every_layer() -> None:
    model = create_model("tsn_bninception", 2, width=16)
    assert model.num_features == 256
    assert model.get_submodule("inception_4d.branch3x3dbl.1.conv").weight.shape == (48, 40, 3, 3)
    with pytest.raises(ValueError, match="width=4 is too narrow"):
        create_model("tsn_inceptionv3", 2, width=4)


def test_blocks_have_their_published_poolings() -> None:
    kinds = {
        name: type(module).__mro__[1]
        for net in (create_model("tsn_bninception", 2, width=8), create_model("tsn_inceptionv3", 2, width=8))
        for name, module in net.named_modules()
        if isinstance(module, nn.AvgPool2d | nn.MaxPool2d)
    }
    most = {f"inception_{b}" for b in ("3c", "4e", "5b")} | {f"mixed_{b}" for b in (3, 8, 10)}
    maxima = {name.partition(".")[0] for name, kind in kinds.items() if kind is nn.MaxPool2d}
    assert maxima == most | {"pool1", "pool2", "pool_0", "pool_1"}
    assert len(kinds) == 12 + 13


@pytest.mark.parametrize("backbone", BACKBONES)
def test_published_tsn_checkpoint(backbone: str, tmp_path: Path) -> None:
    theirs = inception_files.tsn(backbone)
    file = inception_files.save(theirs, tmp_path / "tsn.pth.tar")
    model = create_model(f"tsn_{backbone}", 12)
    report = load_weights(model, file)
    assert (report.loaded, report.left_out, report.kept) == (len(theirs), (), ())
    assert torch.equal(model.get_parameter("fc.weight"), theirs["new_fc.weight"])
    with pytest.raises(UserError, match=r"no gate shift, which gsm_\w+ has, .* \(tsn_...\)"):
        load_weights(create_model(f"gsm_{backbone}", 12), file)
    with pytest.raises(UserError, match=r"12 classes, tsn_\w+ one of 3; .*new_classifier=True"):
        load_weights(create_model(f"tsn_{backbone}", 3), file)
    other = next(other for other in BACKBONES if other != backbone)
    with pytest.raises(UserError, match="left over: base_model"):
        load_weights(create_model(f"tsn_{other}", 12), file)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_published_imagenet_file(backbone: str, tmp_path: Path) -> None:
    theirs = inception_files.imagenet(backbone)
    file = tmp_path / "imagenet.pth"
    torch.save(theirs, file)
    model = create_model(f"tsn_{backbone}", 12)
    report = load_weights(model, file)
    assert (report.loaded, report.kept) == (len(theirs) - 2, ())
    assert report.left_out == ("fc.weight", "fc.bias")
    layer = model.get_submodule("conv1" if backbone == "bninception" else "conv_0")
    first = "conv1_7x7_s2_bn" if backbone == "bninception" else "conv_batchnorm"
    assert torch.equal(layer.get_buffer("norm.running_var"), theirs[f"{first}.running_var"][0])
    gsm = create_model(f"gsm_{backbone}", 12)
    assert set(load_weights(gsm, file).kept) == {
        key for key in gsm.state_dict() if ".gate." in key and "tracked" not in key
    }
    assert load_weights(create_model(f"tsn_{backbone}", 1000), file).left_out == ()


def test_other_port_of_the_imagenet_weights(tmp_path: Path) -> None:
    theirs = inception_files.imagenet("bninception")
    theirs = {key: value.flatten() if "_bn." in key else value for key, value in theirs.items()}
    theirs = {key.replace("fc.", "last_linear."): value for key, value in theirs.items()}
    torch.save(theirs, tmp_path / "bn_inception.pth")
    assert load_weights(create_model("tsn_bninception", 12), tmp_path / "bn_inception.pth").left_out != ()


@pytest.mark.parametrize("name", ["tsn_bninception", "gsm_inceptionv3", "trn_bninception"])
def test_own_names_stay(name: str, tmp_path: Path) -> None:
    model = create_model(name, 3, width=8)
    state = model.state_dict()
    assert model.convert_published(dict(state)).keys() == state.keys()
    save_file(state, tmp_path / "model.safetensors")
    assert load_weights(create_model(name, 3, width=8), tmp_path / "model.safetensors").loaded == len(state)


def test_arc_takes_norm_and_activation_of_every_larger_kernel() -> None:
    model = recircle.convert(create_model("gsm_inceptionv3", 3, width=8))
    report = arc_report(model)
    assert len(report.converted) == 53
    assert {layer.feedback for layer in report.converted} == {"convolution + BatchNorm + ReLU"}
    reasons = {layer.name: layer.reason for layer in report.left}
    assert reasons.pop("conv_0.conv").startswith("the stem")
    assert reasons.pop("fc").startswith("a linear layer")
    gates = [name for name, reason in reasons.items() if reason.endswith("GateConvolution has no ARC form")]
    assert len(gates) == 10
    assert {reasons[name].partition(";")[0] for name in reasons.keys() - gates} == {"a 1x1 convolution"}
    assert len(arc_report(recircle.convert(create_model("trn_bninception", 3, width=8))).converted) == 31


@pytest.mark.slow
def test_captured_for_any_batch_and_number_of_frames() -> None:
    model = create_model("gsm_bninception", 3, width=8).double().eval()
    for key, value in model.named_parameters():
        if ".gate.conv." in key:
            nn.init.normal_(value, std=0.1)
    dims = {0: torch.export.Dim("B", min=1), 1: torch.export.Dim("T", min=1)}
    example = torch.randn(2, 3, 3, 32, 32, dtype=torch.float64)
    program = torch.export.export(model, (example,), dynamic_shapes={"clips": dims}, strict=False).module()
    with torch.no_grad():
        for shape in ((1, 1), (3, 2), (1, 5)):
            clips = torch.randn(*shape, 3, 32, 32, dtype=torch.float64)
            torch.testing.assert_close(program(clips), model(clips))
