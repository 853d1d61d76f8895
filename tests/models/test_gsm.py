from pathlib import Path

import pytest
import torch

from recircle.errors import UserError
from recircle.layers.gate_shift import GateShift
from recircle.models import create_model, load_weights
from tests.models import inception_files


def gates(name: str) -> list[str]:
    model = create_model(name, 2, width=8)
    return [path.removesuffix(".gate") for path, module in model.named_modules() if isinstance(module, GateShift)]


def test_gates_are_in_the_branch_with_the_fewest_convolutions() -> None:
    assert gates("gsm_bninception") == [
        f"inception_{block}.{'branch3x3' if block in ('3c', '4e') else 'branch1x1'}.0"
        for block in ("3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    ]
    branches = {3: "branch3x3dbl", 8: "branch3x3"}
    assert gates("gsm_inceptionv3") == [
        f"mixed_{block}.{branches.get(block, 'branch1x1')}.0" for block in range(11) if block != 6
    ]
    assert gates("tsn_bninception") == []


@pytest.mark.parametrize(("backbone", "size"), [("bninception", 32), ("inceptionv3", 70)])
def test_starts_as_tsn_with_shuffled_channels(backbone: str, size: int) -> None:
    gsm = create_model(f"gsm_{backbone}", 4, width=16).double().eval()
    tsn = create_model(f"tsn_{backbone}", 4, width=16).double().eval()
    state = {key: value for key, value in gsm.state_dict().items() if ".gate." not in key}
    for path in gates(f"gsm_{backbone}"):
        channels = state[f"{path}.conv.bias"].shape[0]
        order = torch.arange(channels).reshape(2, 2, -1).transpose(1, 2).flatten()
        for part in ("weight", "bias"):
            state[f"{path}.conv.{part}"] = state[f"{path}.conv.{part}"][order]
    tsn.load_state_dict(state)
    clips = torch.randn(1, 3, 3, size, size, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(gsm(clips), tsn(clips))


@pytest.mark.parametrize("backbone", ["bninception", "inceptionv3"])
def test_published_checkpoint(backbone: str, tmp_path: Path) -> None:
    theirs = inception_files.gsm(backbone)
    file = inception_files.save(theirs, tmp_path / "something-v1_RGB_gsm.pth.tar")
    model = create_model(f"gsm_{backbone}", 12)
    report = load_weights(model, file)
    assert (report.loaded, report.left_out, report.kept) == (len(theirs), (), ())
    block, id_ = ("inception_3c.branch3x3.0", "inception_3c_3x3_reduce")
    if backbone == "inceptionv3":
        block, id_ = "mixed_8.branch3x3.0", "mixed_8_tower_conv_Conv2D"
    ours = model.state_dict()
    assert torch.equal(ours[f"{block}.gate.conv.weight"], theirs[f"base_model.gsm_{id_}.conv3D.weight"])
    assert torch.equal(ours[f"{block}.gate.norm.running_mean"], theirs[f"base_model.gsm_{id_}.bn.running_mean"])
    tuned = create_model(f"gsm_{backbone}", 3, pretrained=file)
    assert tuned.load_report is not None
    assert tuned.load_report.left_out == ("fc.weight", "fc.bias")
    with pytest.raises(UserError, match=r"does not fit tsn_\w+; left over: .*gate.conv"):
        load_weights(create_model(f"tsn_{backbone}", 12), file)


def test_a_gate_more_or_less_is_no_gsm_checkpoint(tmp_path: Path) -> None:
    theirs = inception_files.gsm("inceptionv3")
    kept = {key: value for key, value in theirs.items() if "gsm_mixed_9_" not in key}
    torch.save(kept, tmp_path / "less.pth")
    with pytest.raises(UserError, match=r"missing: mixed_9.branch1x1.0.gate"):
        load_weights(create_model("gsm_inceptionv3", 12), tmp_path / "less.pth")
    more = {key.replace("mixed_5_", "mixed_6_"): value for key, value in theirs.items() if "gsm_mixed_5_" in key}
    torch.save({**theirs, **more}, tmp_path / "more.pth")
    with pytest.raises(UserError, match=r"left over: mixed_6.branch1x1.0.gate"):
        load_weights(create_model("gsm_inceptionv3", 12), tmp_path / "more.pth")
