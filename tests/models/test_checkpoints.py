import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from recircle.errors import UserError
from recircle.models import create_model, load_weights
from tests.golden.rule import weight
from tests.torchvision_oracle import import_torchvision

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def published(system: str) -> dict[str, Tensor]:
    """Return the weights of a golden vector in float32, under their published names without `module.`."""
    (entries,) = json.loads((GOLDEN / f"{system}.json").read_text())["param_sets"].values()
    return {e["key"]: torch.tensor(weight(e["key"], e["shape"], e["rule"])).float() for e in entries}


@pytest.fixture(scope="module")
def tsm_r18() -> dict[str, Tensor]:
    return published("tsm_r18")


def test_published_tsm_checkpoint_loads(tsm_r18: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "TSM_something_RGB_resnet18.pth.tar"
    state = {f"module.{key}": value for key, value in tsm_r18.items()}
    torch.save({"epoch": 50, "arch": "resnet18", "state_dict": state, "best_prec1": 41.8}, file)
    model = create_model("tsm_resnet18", 12)
    report = load_weights(model, file)
    assert (report.loaded, report.left_out, report.kept) == (122, (), ())
    assert torch.equal(model.state_dict()["layer1.0.conv1.weight"], tsm_r18["base_model.layer1.0.conv1.net.weight"])
    assert torch.equal(model.get_parameter("fc.bias"), tsm_r18["new_fc.bias"])


def in_mmaction2(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give a published TSM state dict the names that mmaction2 has for the same parameters."""
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        parts = key.replace("base_model.", "backbone.").replace("new_fc", "cls_head.fc_cls").split(".")
        for place, part in enumerate(parts):
            if part[:2] == "bn":
                parts[place] = f"conv{part[2:]}.bn"
            elif part[:4] == "conv":
                parts[place] = f"{part}.conv"
            elif parts[place - 1] == "downsample":
                parts[place] = {"0": "conv", "1": "bn"}[part]
        renamed[".".join(parts)] = value
    return renamed


def test_mmaction2_checkpoint_loads(tsm_r18: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "tsm_imagenet-pretrained-r18.pth"
    renamed = in_mmaction2(tsm_r18)
    assert {"backbone.layer1.0.conv1.conv.net.weight", "backbone.conv1.bn.bias"} <= renamed.keys()
    torch.save({"meta": {}, "state_dict": renamed}, file)
    model, same = create_model("tsm_resnet18", 12), create_model("tsm_resnet18", 12)
    assert load_weights(model, file).loaded == 122
    same.load_state_dict(same.convert_published(dict(tsm_r18)))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), same.state_dict().values()))
    with pytest.raises(UserError, match="the checkpoint shifts more blocks"):
        load_weights(create_model("tsn_resnet18", 12), file)


def test_published_classifier_is_left_out_only_on_request(tsm_r18: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "bare.pth"
    torch.save(tsm_r18, file)
    with pytest.raises(UserError, match=r"a classifier of 12 classes, tsm_resnet18 one of 3; .*new_classifier=True"):
        load_weights(create_model("tsm_resnet18", 3), file)
    model = create_model("tsm_resnet18", 3)
    before = model.get_parameter("fc.weight").clone()
    assert load_weights(model, file, new_classifier=True).left_out == ("fc.weight", "fc.bias")
    assert torch.equal(model.get_parameter("fc.weight"), before)
    tuned = create_model("tsm_resnet18", 3, pretrained=file)
    assert tuned.load_report is not None
    assert tuned.load_report.left_out == ("fc.weight", "fc.bias")


@pytest.mark.parametrize("name", ["tsn_resnet18", "tsm_resnet34"])
def test_checkpoint_of_another_network(name: str, tsm_r18: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "tsm.pth"
    torch.save(tsm_r18, file)
    with pytest.raises(UserError, match=r"the checkpoint shifts (more|fewer) blocks .* differ"):
        load_weights(create_model(name, 12), file)


def test_unshifted_checkpoint_does_not_pass_for_a_shifted_one(tmp_path: Path) -> None:
    file = tmp_path / "tsn.pth"
    torch.save(published("tsn_r50"), file)
    assert load_weights(create_model("tsn_resnet50", 12), file).loaded == 320
    with pytest.raises(UserError, match="shifts fewer blocks"):
        load_weights(create_model("tsm_resnet50", 12), file)


@pytest.mark.parametrize("name", ["tsm_resnet18", "arc_tsm_resnet18"])
@pytest.mark.parametrize("counters", [True, False], ids=["counters", "old file without counters"])
def test_torchvision_file_loads_without_its_classifier(name: str, counters: bool, tmp_path: Path) -> None:
    theirs = import_torchvision().models.resnet18().state_dict()
    if not counters:
        theirs = {key: value for key, value in theirs.items() if not key.endswith("num_batches_tracked")}
    file = tmp_path / "resnet18-f37072fd.pth"
    torch.save(theirs, file)
    model = create_model(name, 12)
    report = load_weights(model, file)
    assert report.left_out == ("fc.weight", "fc.bias")
    assert report.loaded == len(theirs) - 2
    assert len(report.kept) == (48 if name.startswith("arc_") else 0)
    state = model.state_dict()
    assert all(torch.equal(state[key], value) for key, value in theirs.items() if not key.startswith("fc."))
    assert load_weights(create_model(name, 1000), file).left_out == ()


def test_wrong_file_lists_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "resnet50.pth"
    torch.save(create_model("tsn_resnet50", 12, width=8).state_dict(), file)
    with pytest.raises(UserError) as error:
        load_weights(create_model("tsn_resnet18", 12, width=8), file)
    message = str(error.value)
    assert "does not fit tsn_resnet18" in message
    assert "left over: layer1.0.conv3.weight" in message
    assert "of another shape: layer1.0.conv1.weight [8, 8, 1, 1] instead of [8, 8, 3, 3]" in message
    assert " more" in message
    assert len(message) < 2000


def test_own_files(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    model = create_model("arc_tsm_resnet18", 3, width=8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    save_file(model.state_dict(), file)
    other = create_model("arc_tsm_resnet18", 3, width=8)
    report = load_weights(other, file)
    assert report.kept == ()
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in other.state_dict().items())
    with pytest.raises(UserError, match="a classifier of 3 classes, arc_tsm_resnet18 one of 4"):
        load_weights(create_model("arc_tsm_resnet18", 4, width=8), file)
    with pytest.raises(UserError, match=r"left over: layer1\.0\.conv1\.attention, .* and 40 more"):
        load_weights(create_model("tsm_resnet18", 3, width=8), file)


def test_a_part_of_the_matrices_is_not_taken_for_a_plain_host(tmp_path: Path) -> None:
    model = create_model("arc_tsn_resnet18", 3, width=8)
    state = model.state_dict()
    del state["layer1.0.conv1.fusion"]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=r"missing: layer1\.0\.conv1\.fusion"):
        load_weights(model, tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.pth", None, "there is no weight file"),
        ("text.pth", b"not weights", "can be read safely"),
        ("text.safetensors", b"not weights", "can be read safely"),
        ("empty.pth", b"", "can be read safely"),
    ],
)
def test_files_that_are_no_weights(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_weights(create_model("tsn_resnet18", 2, width=8), tmp_path / name)


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {"a": 1}}, {"epoch": 3}])
def test_files_that_hold_other_things(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(UserError, match="holds no state dict"):
        load_weights(create_model("tsn_resnet18", 2, width=8), tmp_path / "other.pth")


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    torch.save(create_model("tsn_resnet18", 2, width=8), tmp_path / "model.pth")
    with pytest.raises(UserError, match="can be read safely"):
        load_weights(create_model("tsn_resnet18", 2, width=8), tmp_path / "model.pth")
