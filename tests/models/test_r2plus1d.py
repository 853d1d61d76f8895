from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
import torch.fx.experimental._config

from recircle.errors import UserError
from recircle.models import create_model, load_weights, measure_cost
from recircle.models.r2plus1d import r2plus1d_resnet18
from recircle.surgery.convert import arc_report, convert
from recircle.views.preprocessing import Preprocessing
from tests.models.oracle import randomise
from tests.torchvision_oracle import import_torchvision


@pytest.mark.parametrize("shape", [(2, 5, 3, 33, 40), (1, 1, 3, 17, 16)])
def test_equals_torchvision(shape: tuple[int, ...]) -> None:
    oracle = import_torchvision().models.video.r2plus1d_18(num_classes=6).double().eval()
    randomise(oracle)
    with torch.device("meta"):
        model = r2plus1d_resnet18(6).eval()
    model.load_state_dict(model.convert_published(oracle.state_dict()), assign=True)
    clips = torch.randn(shape, dtype=torch.float64)
    with torch.no_grad():
        expected = oracle(clips.transpose(1, 2))
        assert expected.std() > 0.01
        torch.testing.assert_close(model(clips), expected, rtol=0, atol=1e-10 * float(expected.abs().max()))


def test_published_size_cost_and_preprocessing() -> None:
    with torch.device("meta"):
        model = create_model("r2plus1d_resnet18", 400)
    cost = measure_cost(model, 16, 112)
    assert cost.params == 31_505_325
    assert cost.gmacs == pytest.approx(40.52, abs=0.01)
    assert model.preprocessing == Preprocessing(
        resize=(128, 171), crop=112, mean=(0.43216, 0.394666, 0.37645), std=(0.22803, 0.22145, 0.216989)
    )


def test_starts_as_torchvisions() -> None:
    torch.manual_seed(3)
    theirs = import_torchvision().models.video.r2plus1d_18(num_classes=5)
    model = create_model("r2plus1d_resnet18", 5)
    for key, value in model.convert_published(theirs.state_dict()).items():
        ours = model.state_dict()[key]
        if value.dim() > 1:
            assert ours.std().item() == pytest.approx(value.std().item(), rel=0.1), key
        else:
            assert torch.equal(ours, value), key


def test_torchvision_file(tmp_path: Path) -> None:
    theirs = import_torchvision().models.video.r2plus1d_18(num_classes=400).state_dict()
    file = tmp_path / "r2plus1d_18-91a641e6.pth"
    torch.save(theirs, file)
    model = create_model("r2plus1d_resnet18", 3, pretrained=file)
    assert model.load_report is not None
    assert (model.load_report.loaded, model.load_report.left_out) == (len(theirs) - 2, ("fc.weight", "fc.bias"))
    assert torch.equal(model.get_parameter("layer2.0.conv1.temporal.weight"), theirs["layer2.0.conv1.0.3.weight"])
    assert torch.equal(model.get_parameter("conv1.temporal.weight"), theirs["stem.3.weight"])
    with pytest.raises(UserError, match="a classifier of 400 classes, r2plus1d_resnet18 one of 3"):
        load_weights(model, file)


@pytest.mark.parametrize("other", ["r3d_18", "mc3_18"])
def test_other_video_resnets_of_torchvision_do_not_fit(other: str, tmp_path: Path) -> None:
    with torch.device("meta"):
        theirs = getattr(import_torchvision().models.video, other)().state_dict()
    file = tmp_path / "other.pth"
    torch.save({"state_dict": {f"module.{key}": torch.zeros(value.shape) for key, value in theirs.items()}}, file)
    with pytest.raises(UserError, match=r"missing: .*left over: "):
        load_weights(create_model("r2plus1d_resnet18", 400, width=8), file)


def test_arc_takes_the_factors() -> None:
    with torch.device("meta"):
        model = create_model("r2plus1d_resnet18", 4)
    with pytest.warns(UserWarning, match=r"layer(2|4)\.0\.conv\d\.spatial is not converted: steps=4 does not divide"):
        report = arc_report(convert(model))
    fed = {entry.name: entry.feedback for entry in report.converted}
    assert len(fed) == 17 + 12
    assert fed["layer1.0.conv1.spatial"] == fed["layer1.0.conv1.temporal"] == "convolution + BatchNorm + ReLU"
    assert fed["layer1.0.conv2.temporal"] == "convolution + BatchNorm"
    assert not any("traced" in entry.note for entry in report.converted)


@pytest.mark.slow
def test_exports_with_any_number_of_frames() -> None:
    model = create_model("r2plus1d_resnet18", 4, width=8).eval()
    randomise(model)
    sizes: Any = {"clips": {0: torch.export.Dim("B", min=1), 1: torch.export.Dim("T", min=1)}}
    # a size that is not known may be 1, as that of the last maps is for short clips
    with patch.object(torch.fx.experimental._config, "backed_size_oblivious", True):
        program = torch.export.export(model, (torch.randn(2, 3, 3, 33, 33),), dynamic_shapes=sizes, strict=False)
    exported = program.module()
    for batch, frames in ((1, 1), (2, 2), (3, 9)):
        clips = torch.randn(batch, frames, 3, 33, 33)
        with torch.no_grad():
            torch.testing.assert_close(exported(clips), model(clips), rtol=1e-4, atol=1e-4)


def test_too_narrow_is_refused() -> None:
    with pytest.raises(ValueError, match="width=4 is too narrow"):
        create_model("r2plus1d_resnet18", 2, width=4)
