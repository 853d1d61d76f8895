import json
import math
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
import torch.fx.experimental._config
from safetensors.torch import save_file
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.models import VideoModel, create_model, load_weights, measure_cost
from recircle.models.backbones.inception_v1_3d import PairMean, SameMaxPool3d, SamePad3d
from recircle.models.i3d_inception import i3d_inception
from recircle.surgery.convert import arc_report, convert
from tests.models.oracle import randomise
from tests.torchvision_oracle import import_torchvision

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.mark.parametrize(("kernel", "stride"), [(7, 2), (3, 2), (3, 1), (2, 2), (1, 1)])
@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 224])
def test_padding_is_tensorflows(kernel: int, stride: int, size: int) -> None:
    x = torch.ones(1, 1, 1, 1, size)
    padded = SamePad3d((1, 1, kernel), (1, 1, stride))(x)[0, 0, 0, 0]
    before = int(padded.nonzero()[0])
    after = len(padded) - before - size
    needed = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    assert (before, after) == (needed // 2, needed - needed // 2)
    assert SameMaxPool3d((1, 1, kernel), (1, 1, stride))(x).shape[-1] == math.ceil(size / stride)


def test_published_size_cost_and_preprocessing() -> None:
    with torch.device("meta"):
        model = create_model("i3d_inception", 400)
    cost = measure_cost(model, 64, 224)
    assert cost.params / 1e6 == pytest.approx(12.70, abs=0.01)
    assert cost.gmacs == pytest.approx(111.2, abs=0.1)
    assert {(m.eps, m.momentum) for m in model.modules() if isinstance(m, nn.BatchNorm3d)} == {(1e-3, 0.01)}
    assert (model.preprocessing.resize, model.preprocessing.crop) == (256, 224)
    black_and_white = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert model.preprocessing.normalise(black_and_white)[:, 0].flatten().tolist() == [-1, 1]


def test_initial_weights() -> None:
    torch.manual_seed(5)
    model = create_model("i3d_inception", 50)
    for weight in (model.get_parameter("conv3.conv.weight"), model.get_parameter("fc.weight")):
        std = 1 / math.sqrt(weight[0].numel())
        assert weight.abs().max() <= 2 * std
        # a normal distribution cut at two deviations has 0.88 of its deviation
        assert weight.std().item() == pytest.approx(0.88 * std, rel=0.02)
    assert not model.get_parameter("fc.bias").any()


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_head_is_the_published_pool_and_convolution(steps: int) -> None:
    model = i3d_inception(5, width=8).eval()
    randomise(model)
    features = torch.randn(2, steps, model.num_features, 7, 7)
    maps = features.transpose(1, 2)
    if steps == 1:
        # the published network does not take these: a step stands for itself
        maps = maps.repeat(1, 1, 2, 1, 1)
    pooled = torch.nn.functional.avg_pool3d(maps, (2, 7, 7), stride=1)
    logits = torch.nn.functional.conv3d(pooled, model.get_parameter("fc.weight")[:, :, None, None, None])
    expected = logits.mean((2, 3, 4)) + model.get_parameter("fc.bias")
    torch.testing.assert_close(model.forward_head(features), expected)
    torch.testing.assert_close(model.forward_head(features, pre_logits=True), pooled.flatten(2).transpose(1, 2))


def test_small_and_odd_clips() -> None:
    model = create_model("i3d_inception", 5, width=8).eval()
    with torch.no_grad():
        for frames, height, width in ((1, 32, 32), (9, 17, 40), (64, 5, 5)):
            features = model.forward_features(torch.randn(1, frames, 3, height, width))
            sizes = [math.ceil(size / by) for size, by in ((frames, 8), (height, 32), (width, 32))]
            assert features.shape == (1, sizes[0], model.num_features, sizes[1], sizes[2])


@pytest.fixture
def model() -> VideoModel:
    model = create_model("i3d_inception", 12, width=16)
    randomise(model)
    return model


def as_the_port(model: VideoModel) -> dict[str, Tensor]:
    """Return the weights under the names of piergiaj/pytorch-i3d."""
    (entries,) = json.loads((GOLDEN / "i3d_inception.json").read_text())["param_sets"].values()
    state: dict[str, Tensor] = {}
    for entry in entries:
        ((name, _),) = model.convert_published({entry["key"]: torch.zeros(1)}).items()
        value = model.state_dict()[name].clone()
        assert value.dim() == len(entry["shape"]) or entry["key"] == "logits.conv3d.weight"
        state[entry["key"]] = value.reshape([*value.shape, *[1] * (len(entry["shape"]) - value.dim())])
    return state


def test_file_of_the_port(model: VideoModel, tmp_path: Path) -> None:
    file = tmp_path / "rgb_imagenet.pt"
    state = as_the_port(model)
    assert state["logits.conv3d.weight"].shape == (12, model.num_features, 1, 1, 1)
    torch.save(state, file)
    other = create_model("i3d_inception", 12, width=16)
    assert load_weights(other, file).loaded == len(other.state_dict()) == len(state)
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in other.state_dict().items())
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, file)
    tuned = create_model("i3d_inception", 3, width=16, pretrained=file)
    assert tuned.load_report is not None
    assert tuned.load_report.left_out == ("fc.weight", "fc.bias")
    del state["Mixed_4d.b2b.bn.weight"]
    torch.save({**state, "Mixed_6a.b0.conv3d.weight": torch.zeros(1)}, file)
    with pytest.raises(UserError, match=r"missing: inception4c\.branch3\.1\.bn\.weight; left over: Mixed_6a\.b0\."):
        load_weights(other, file)


def as_tensorflow(model: VideoModel) -> dict[str, Tensor]:
    """Return the weights under the names, and in the layout, of deepmind/kinetics-i3d."""
    branches = {
        "b0": "Branch_0/Conv3d_0a_1x1",
        "b1a": "Branch_1/Conv3d_0a_1x1",
        "b1b": "Branch_1/Conv3d_0b_3x3",
        "b2a": "Branch_2/Conv3d_0a_1x1",
        "b2b": "Branch_2/Conv3d_0b_3x3",
        "b3b": "Branch_3/Conv3d_0b_1x1",
    }
    tensors = {"bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    state: dict[str, Tensor] = {}
    for key, value in as_the_port(model).items():
        *place, kind, tensor = key.split(".")
        path = "/".join(branches.get(part, part) for part in place).replace("logits", "Logits/Conv3d_0c_1x1")
        path = re.sub(r"Mixed_5b/Branch_2/Conv3d_0b", "Mixed_5b/Branch_2/Conv3d_0a", path)
        if kind == "bn":
            if tensor in tensors:
                state[f"RGB/inception_i3d/{path}/batch_norm/{tensors[tensor]}"] = value.view(1, 1, 1, 1, -1)
        elif tensor == "weight":
            state[f"RGB/inception_i3d/{path}/conv_3d/w"] = value.permute(2, 3, 4, 1, 0).contiguous()
        else:
            state[f"RGB/inception_i3d/{path}/conv_3d/b"] = value
    return state


@pytest.mark.parametrize("suffix", ["", ":0"])
def test_variables_of_tensorflow(suffix: str, model: VideoModel, tmp_path: Path) -> None:
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.weight.fill_(1)
    state = as_tensorflow(model)
    assert state["RGB/inception_i3d/Mixed_5b/Branch_2/Conv3d_0a_3x3/conv_3d/w"].shape == (3, 3, 3, 8, 32)
    save_file({f"{key}{suffix}": value for key, value in state.items()}, tmp_path / "i3d.safetensors")
    other = create_model("i3d_inception", 12, width=16)
    load_weights(other, tmp_path / "i3d.safetensors")
    for key, value in other.state_dict().items():
        assert torch.equal(value, model.state_dict()[key]), key
    state["RGB/inception_i3d/Conv3d_1a_7x7/conv_3d/w"] = torch.zeros(7, 7, 7, 2, 16)
    torch.save(state, tmp_path / "flow.pt")
    with pytest.raises(UserError, match=r"of another shape: conv1\.conv\.weight \[16, 2, 7, 7, 7\] instead of"):
        load_weights(other, tmp_path / "flow.pt")


def test_googlenet_is_inflated(tmp_path: Path) -> None:
    theirs = import_torchvision().models.googlenet(init_weights=False, aux_logits=True).state_dict()
    file = tmp_path / "googlenet-1378be20.pth"
    torch.save(theirs, file)
    model = create_model("i3d_inception", 12)
    report = load_weights(model, file)
    assert (report.left_out, report.kept) == (("fc.weight", "fc.bias"), ())
    for key in ("conv1.conv.weight", "inception4c.branch3.1.conv.weight", "inception5b.branch1.conv.weight"):
        ours = model.get_parameter(key)
        torch.testing.assert_close(ours.sum(2), theirs[key])
        assert torch.equal(ours[:, :, 0], ours[:, :, -1])
    assert torch.equal(model.get_buffer("conv2.bn.running_mean"), theirs["conv2.bn.running_mean"])


def test_arc_takes_the_3x3x3_convolutions() -> None:
    with torch.device("meta"):
        report = arc_report(convert(create_model("i3d_inception", 4)))
    assert {entry.feedback for entry in report.converted} == {"convolution + BatchNorm + ReLU"}
    assert len(report.converted) == 1 + 2 * 9
    assert {entry.note for entry in report.converted} == {""}


@pytest.mark.slow
def test_exports_with_any_number_of_frames(model: VideoModel) -> None:
    model.eval()
    sizes: Any = {"clips": {0: torch.export.Dim("B", min=1), 1: torch.export.Dim("T", min=1)}}
    # a size that is not known may be 1, as that of the last maps is for short clips
    with patch.object(torch.fx.experimental._config, "backed_size_oblivious", True):
        program = torch.export.export(model, (torch.randn(2, 3, 3, 33, 33),), dynamic_shapes=sizes, strict=False)
    exported = program.module()
    for batch, frames in ((1, 1), (2, 2), (1, 9), (3, 17)):
        clips = torch.randn(batch, frames, 3, 33, 33)
        with torch.no_grad():
            torch.testing.assert_close(exported(clips), model(clips), rtol=1e-4, atol=1e-4)


def test_parts_compile() -> None:
    parts = nn.Sequential(SamePad3d((3, 3, 3), (2, 2, 2)), SameMaxPool3d((3, 3, 3), (2, 2, 2)), PairMean())
    compiled = torch.compile(parts, backend="aot_eager", fullgraph=True, dynamic=True)
    for frames in (2, 9, 16):
        x = torch.rand(1, 2, frames, 6, 7)
        torch.testing.assert_close(compiled(x), parts(x))


def test_too_narrow_is_refused() -> None:
    with pytest.raises(ValueError, match="width=4 is too narrow"):
        create_model("i3d_inception", 2, width=4)
