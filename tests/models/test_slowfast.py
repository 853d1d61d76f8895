import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor

from recircle.arc.module import ArcLayer
from recircle.errors import UserError
from recircle.export.network import ExportedNetwork, capture
from recircle.models import VideoModel, create_model, load_weights, measure_cost
from recircle.models.caffe2 import read_caffe2
from recircle.models.slowfast import EvenFrames, EveryFrame
from recircle.surgery.convert import arc_report, convert
from recircle.surgery.prepare import prepare_for_inference, prepare_report
from recircle.views.preprocessing import Preprocessing
from tests.models.oracle import randomise
from tests.models.resnet3d_published import published
from tests.torchvision_oracle import import_torchvision


def narrow(name: str, width: int = 16, classes: int = 5) -> VideoModel:
    torch.manual_seed(width)
    model = create_model(name, classes, width=width, dropout=0.0).eval()
    randomise(model)
    return model


@pytest.mark.parametrize(
    ("name", "classes", "frames", "params", "gmacs"),
    [
        ("slowfast_resnet50", 400, 32, 34.57, 65.7),
        ("slowfast_resnet101", 400, 64, 53.77, 213.0),
        ("slowfast_resnet101", 48, 64, 52.96, 213.0),
        ("slowfast_resnet50_mmaction2", 400, 32, 34.57, 65.7),
    ],
)
def test_known_costs(name: str, classes: int, frames: int, params: float, gmacs: float) -> None:
    """Frames of 256 pixels, at which the networks are tested."""
    with torch.device("meta"):
        cost = measure_cost(create_model(name, classes), frames, 256)
    assert cost.params / 1e6 == pytest.approx(params, abs=0.005)
    assert cost.gmacs == pytest.approx(gmacs, abs=0.05)


@pytest.mark.parametrize(("alpha", "most"), [(4, 1024), (8, 1024)])
def test_slow_frames_are_those_of_linspace(alpha: int, most: int) -> None:
    pick = EvenFrames(alpha)
    for frames in range(alpha, most + 1, alpha):
        positions = pick(torch.arange(frames)[None, :, None])[0, :, 0]
        assert torch.equal(positions, torch.linspace(0, frames - 1, frames // alpha).long()), frames
    assert pick(torch.arange(8)[None]).dtype == torch.int64


def test_slow_frames_of_published_clips() -> None:
    clip = torch.arange(64)[None]
    assert EvenFrames(4)(clip[:, :32]).tolist() == [[0, 4, 8, 13, 17, 22, 26, 31]]
    assert EvenFrames(4)(clip).tolist() == [[0, 4, 8, 12, 16, 21, 25, 29, 33, 37, 42, 46, 50, 54, 58, 63]]
    assert EveryFrame(4)(clip[:, :16]).tolist() == [[0, 4, 8, 12]]


def test_pathways_by_hand() -> None:
    """The published form: a list of two pathways, pooled each by itself."""
    model, clips = narrow("slowfast_resnet50"), torch.randn(2, 12, 3, 48, 40)
    get = model.get_submodule

    def run(path: str, parts: tuple[str, ...], x: Tensor) -> Tensor:
        for part in parts:
            x = get(f"{path}.{part}")(x)
        return x

    with torch.no_grad():
        fast = clips.transpose(1, 2)
        slow = fast[:, :, [0, 5, 11]]
        stem = ("conv1", "bn1", "act1", "maxpool")
        slow, fast = run("slow", stem, slow), run("fast", stem, fast)
        for source, stage in (("conv1", 1), ("layer1", 2), ("layer2", 3), ("layer3", 4)):
            lateral = run(f"laterals.{source}", ("conv", "bn"), fast).relu()
            assert lateral.shape[1:3] == (2 * fast.shape[1], 3)
            slow = run("slow", (f"layer{stage}",), torch.cat([slow, lateral], 1))
            fast = run("fast", (f"layer{stage}",), fast)
        assert (slow.shape, fast.shape) == ((2, 512, 3, 2, 2), (2, 64, 12, 2, 2))
        pooled = torch.cat([slow.mean((2, 3, 4)), fast.mean((2, 3, 4))], 1)
        features = model.forward_features(clips)
        assert features.shape == (2, 3, 576, 2, 2)
        torch.testing.assert_close(model.forward_head(features, pre_logits=True), pooled, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(clips), get("fc")(pooled), rtol=1e-4, atol=1e-5)


def test_form() -> None:
    with torch.device("meta"):
        state = {name: create_model(f"slowfast_resnet{name}", 5).state_dict() for name in (50, 101)}

    def kernels(depth: int, path: str, stage: int) -> list[int]:
        keys = [key for key in state[depth] if key.startswith(f"{path}.layer{stage}.") and key.endswith("conv1.weight")]
        return [state[depth][key].shape[2] for key in keys]

    assert [kernels(50, "slow", stage) for stage in (1, 2, 3, 4)] == [[1] * 3, [1] * 4, [3] * 6, [3] * 3]
    assert [kernels(50, "fast", stage) for stage in (1, 2, 3, 4)] == [[3] * 3, [3] * 4, [3] * 6, [3] * 3]
    for path in ("slow", "fast"):
        assert kernels(101, path, 3) == [3] * 6 + [1] * 17
    assert state[50]["laterals.layer3.conv.weight"].shape == (256, 128, 7, 1, 1)
    assert state[101]["laterals.conv1.conv.weight"].shape == (16, 8, 5, 1, 1)
    assert state[50]["slow.layer2.0.downsample.0.weight"].shape == (512, 320, 1, 1, 1)


def test_starts_as_published() -> None:
    model = create_model("slowfast_resnet50", 300, width=16)
    state = model.state_dict()
    assert not any(state[f"{path}.layer2.1.bn3.weight"].any() for path in ("slow", "fast"))
    assert bool((state["laterals.layer1.bn.weight"] == 1).all())
    assert state["fc.weight"].std().item() == pytest.approx(0.01, rel=0.05)
    assert (model.preprocessing.mean, model.preprocessing.std) == ((0.45,) * 3, (0.225,) * 3)
    assert (model.dropout.p, model.min_frames, model.frame_multiple) == (0.5, 1, 4)
    assert create_model("slowfast_resnet50_mmaction2", 2, width=8).preprocessing.mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize("frames", [3, 6, 33])
def test_frames_are_a_multiple_of_4(frames: int) -> None:
    with pytest.raises(ValueError, match=f"{frames} frames: slowfast_resnet50 takes 4 frames or more, a multiple of 4"):
        narrow("slowfast_resnet50", 8)(torch.randn(1, frames, 3, 32, 32))


@pytest.mark.parametrize(
    ("name", "naming"),
    [
        ("slowfast_resnet50", "PySlowFast"),
        ("slowfast_resnet50", "pytorchvideo"),
        ("slowfast_resnet50", "mmaction2"),
        ("slowfast_resnet50_mmaction2", "mmaction2"),
        ("slowfast_resnet101", "PySlowFast"),
        ("slowfast_resnet101", "pytorchvideo"),
    ],
)
def test_published_checkpoints_load(name: str, naming: str, tmp_path: Path) -> None:
    source, model = narrow(name), narrow(name, classes=5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    theirs = published(source.state_dict(), naming)
    assert not theirs.keys() & source.state_dict().keys()
    torch.save({"epoch": 1, "model_state": theirs}, tmp_path / "SLOWFAST.pyth")
    report = load_weights(model, tmp_path / "SLOWFAST.pyth")
    assert (report.loaded, report.left_out, report.kept) == (len(theirs), (), ())
    x = torch.randn(1, 8, 3, 40, 40)
    with torch.no_grad():
        assert torch.equal(model(x), source(x))


def test_caffe2_file(tmp_path: Path) -> None:
    source, model = narrow("slowfast_resnet50"), narrow("slowfast_resnet50")
    blobs = {key: value.numpy() for key, value in published(source.state_dict(), "Caffe2").items()}
    extra = {"lr": 0.1, "model_iter": 3, **{f"{key}_momentum": blobs[key] for key in ("conv1_w", "pred_b")}}
    file = tmp_path / "SLOWFAST_8x8_R50.pkl"
    file.write_bytes(pickle.dumps({"blobs": {**blobs, **extra}}, protocol=2))
    state = model.convert_published(read_caffe2(file))
    result = model.load_state_dict(state, strict=False)
    assert result.unexpected_keys == []
    assert all(key.endswith("num_batches_tracked") for key in result.missing_keys)
    assert all(torch.equal(state[key], value) for key, value in source.state_dict().items() if key in state)
    # only what is known to be the optimiser's is dropped
    unknown = {**read_caffe2(file), "other_momentum": torch.zeros(1), "lr_0": torch.zeros(1)}
    assert model.convert_published(unknown).keys() - state.keys() == {"other_momentum", "lr_0"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("t_conv1_w", "fast.conv1.weight"),
        ("res_conv1_bn_s", "slow.bn1.weight"),
        ("t_res_conv1_bn_riv", "fast.bn1.running_var"),
        ("t_pool1_subsample_w", "laterals.conv1.conv.weight"),
        ("t_pool1_subsample_bn_rm", "laterals.conv1.bn.running_mean"),
        ("t_res4_22_branch2c_bn_subsample_w", "laterals.layer3.conv.weight"),
        ("t_res4_22_branch2c_bn_subsample_bn_rm", "laterals.layer3.bn.running_mean"),
        ("res4_19_branch2c_bn_riv", "slow.layer3.19.bn3.running_var"),
        ("t_res3_2_branch2b_bn_rm", "fast.layer2.2.bn2.running_mean"),
        ("t_res2_0_branch2a_w", "fast.layer1.0.conv1.weight"),
        ("res5_0_branch1_bn_s", "slow.layer4.0.downsample.1.weight"),
        ("res3_0_branch1_w", "slow.layer2.0.downsample.0.weight"),
        ("pred_w", "fc.weight"),
        ("nonlocal_conv4_6_phi_w", "nonlocal_conv4_6_phi_w"),
    ],
)
def test_names_of_caffe2(theirs: str, ours: str) -> None:
    with torch.device("meta"):
        model = create_model("slowfast_resnet101", 5, width=8)
    names = {"conv1_w": torch.zeros(1), "t_pool1_subsample_bn_s": torch.zeros(1), "t_pool1_subsample_w": torch.zeros(1)}
    assert ours in model.convert_published({**names, theirs: torch.zeros(1)})


def test_files_of_other_networks(tmp_path: Path) -> None:
    file = tmp_path / "file.pth"
    torch.save(import_torchvision().models.resnet18().state_dict(), file)
    with pytest.raises(UserError, match="an image network's weights, and slowfast_resnet50 has no place for them"):
        load_weights(narrow("slowfast_resnet50", 8), file)

    bare, full = narrow("slowfast_resnet50_mmaction2", 8), narrow("slowfast_resnet50", 8)
    torch.save(published(bare.state_dict(), "mmaction2"), file)
    with pytest.raises(UserError, match=r"have no norms, unlike those of slowfast_resnet50, .* slowfast_resnet50_mma"):
        load_weights(full, file)
    torch.save(published(full.state_dict(), "PySlowFast"), file)
    with pytest.raises(UserError, match=r"have norms, unlike .* such as slowfast_resnet50$"):
        load_weights(bare, file)
    # 8x8 and all blocks of the third stage with temporal kernels: other shapes
    deep = published(narrow("slowfast_resnet101", 8).state_dict(), "pytorchvideo")
    deep["blocks.3.multipathway_blocks.0.res_blocks.6.branch2.conv_a.weight"] = torch.zeros(32, 128, 3, 1, 1)
    torch.save(deep, file)
    with pytest.raises(UserError, match=r"of another shape: slow\.layer3\.6\.conv1\.weight"):
        load_weights(narrow("slowfast_resnet101", 8), file)


@pytest.mark.parametrize(
    ("name", "folded", "unfed"), [("slowfast_resnet50", 110, 0), ("slowfast_resnet50_mmaction2", 106, 4)]
)
def test_arc_and_folding(name: str, folded: int, unfed: int) -> None:
    model, x = narrow(name), torch.randn(2, 8, 3, 40, 40)
    with torch.no_grad():
        expected = model(x)
        prepared = prepare_for_inference(model)
        assert (len(prepare_report(prepared).folded), prepare_report(prepared).left) == (folded, ())
        torch.testing.assert_close(prepared(x), expected, rtol=1e-4, atol=1e-4)
        convert(model, 2)
        report = arc_report(model)
        # 32 of 1x3x3; 9 of 3x1x1 in the slow pathway and 16 in the fast one; 4 laterals
        assert len(report.converted) == 61
        assert sum(entry.feedback == "convolution" for entry in report.converted) == unfed
        assert {entry.note for entry in report.converted} == {""}
        signed = {key for key, m in model.named_modules() if isinstance(m, ArcLayer) and m.config.signed_input}
        assert signed == ({"slow.layer3.0.conv1", "slow.layer4.0.conv1"} if unfed else set())
        torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-4)
        assert len(prepare_report(prepare_for_inference(model)).folded) == folded


def test_published_weights_of_the_host_load_into_its_arc_form(tmp_path: Path) -> None:
    host = narrow("slowfast_resnet50")
    torch.save(published(host.state_dict(), "PySlowFast"), tmp_path / "file.pth")
    arc = convert(create_model("slowfast_resnet50", 5, width=16), 2)
    report = load_weights(arc, tmp_path / "file.pth")
    assert report.loaded == len(host.state_dict())
    assert len(report.kept) == 3 * 61


def test_picking_compiles_whole() -> None:
    compiled = torch.compile(EvenFrames(4), backend="aot_eager", fullgraph=True, dynamic=True)
    for frames in (4, 12, 32):
        clips = torch.randn(2, frames, 3, 2, 2)
        assert torch.equal(compiled(clips), EvenFrames(4)(clips))


@pytest.mark.slow
def test_exports_for_all_multiples_of_4() -> None:
    network = ExportedNetwork(narrow("slowfast_resnet50", 8), Preprocessing(resize=64, crop=64))
    program = capture(network).module()
    for batch, frames in ((1, 4), (3, 20)):
        pixels = torch.randint(0, 256, (batch, frames, 3, 64, 64), dtype=torch.uint8)
        torch.testing.assert_close(program(pixels), network(pixels), rtol=1e-4, atol=1e-5)
