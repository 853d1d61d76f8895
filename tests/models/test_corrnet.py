import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
import torch.fx.experimental._config
from torch import Tensor

from recircle.errors import UserError
from recircle.layers.correlation import WeightedCorrelation
from recircle.models import VideoModel, create_model, load_weights, measure_cost
from recircle.models.corrnet import CorrelationBlock, CorrNet, corrnet26
from recircle.surgery.convert import arc_report, convert
from recircle.views.preprocessing import Preprocessing
from tests.models.oracle import randomise

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def abstract(depth: int, **options: Any) -> VideoModel:
    with torch.device("meta"):
        return create_model(f"corrnet{depth}", 174, **options)


@pytest.mark.parametrize(("depth", "params", "gmacs"), [(26, 17.76, 71.38), (50, 29.01, 114.54), (101, 52.22, 186.50)])
def test_costs(depth: int, params: float, gmacs: float) -> None:
    cost = measure_cost(abstract(depth), 32, 224)
    assert cost.params / 1e6 == pytest.approx(params, abs=0.01)
    assert cost.gmacs == pytest.approx(gmacs, abs=0.01)


@pytest.mark.parametrize(("depth", "published"), [(50, 115), (101, 187)])
def test_costs_with_the_correlations_are_the_papers(depth: int, published: float) -> None:
    model = abstract(depth)
    correlated = 0
    for stage, places in ((1, 32 * 56**2), (2, 32 * 28**2), (3, 16 * 14**2)):
        for module in model.get_submodule(f"layer{stage}").modules():
            if isinstance(module, CorrelationBlock):
                correlated += module.correlation.weight[:, 0].numel() * places
    assert measure_cost(model, 32, 224).gmacs + correlated / 1e9 == pytest.approx(published, abs=0.1)


def test_cost_of_the_reimplementation() -> None:
    cost = measure_cost(abstract(101, reimplementation=True), 32, 224)
    assert (round(cost.params / 1e6, 1), round(cost.gmacs, 1)) == (91.3, 371.6)


def test_places_and_filters_of_the_correlations() -> None:
    found = {
        depth: [name for name, module in abstract(depth).named_modules() if isinstance(module, CorrelationBlock)]
        for depth in (26, 50, 101)
    }
    assert found == {
        26: ["layer1.2", "layer2.2", "layer3.2"],
        50: ["layer1.3", "layer2.4", "layer3.6"],
        101: ["layer1.3", "layer2.4", "layer3.12", "layer3.24"],
    }
    for options, groups, lengths in (({}, [2, 4, 8], [32, 32, 16]), ({"frames": 5}, [2, 4, 8], [5, 5, 3])):
        model = abstract(26, **options)
        correlations = [module for module in model.modules() if isinstance(module, WeightedCorrelation)]
        assert [correlation.groups for correlation in correlations] == groups
        assert [correlation.weight.shape[1] for correlation in correlations] == lengths


def test_preprocessing() -> None:
    assert abstract(26).preprocessing == Preprocessing(mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225))


@pytest.mark.parametrize("options", [{}, {"reimplementation": True}])
def test_frames_without_filters_take_the_nearest(options: dict[str, Any]) -> None:
    """Filters for 4 frames, each repeated, are filters for 8."""
    model = create_model("corrnet26", 3, width=8, frames=4, **options).eval()
    randomise(model)
    longer = create_model("corrnet26", 3, width=8, frames=8, **options).eval()
    state = model.state_dict()
    filters = {key: value.repeat_interleave(2, 1) for key, value in state.items() if "correlation" in key}
    longer.load_state_dict({**state, **filters})
    for frames in (1, 3, 4, 8):
        clips = torch.randn(1, frames, 3, 32, 32)
        with torch.no_grad():
            torch.testing.assert_close(longer(clips), model(clips))


def published(model: VideoModel) -> dict[str, Tensor]:
    """Return the weights of a narrow CorrNet-26 under the names of the re-implementation."""
    (entries,) = json.loads((GOLDEN / "corrnet26.json").read_text())["param_sets"].values()
    keys = [entry["key"] for entry in entries]
    ours = list(model.convert_published({key: torch.zeros(1, 8) for key in keys}))
    assert len(ours) == len(keys)
    return {key: model.state_dict()[name].clone() for key, name in zip(keys, ours)}


@pytest.fixture
def reimplementation() -> CorrNet:
    model = corrnet26(12, width=8, frames=8, reimplementation=True)
    randomise(model)
    return model


def test_file_of_the_reimplementation(reimplementation: CorrNet, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint_epoch_00300.pyth"
    state = published(reimplementation)
    torch.save({"epoch": 299, "model_state": state}, file)
    model = create_model("corrnet26", 12, width=8, frames=8, reimplementation=True)
    report = load_weights(model, file)
    assert (report.loaded, report.left_out, report.kept) == (len(model.state_dict()), (), ())
    assert all(torch.equal(value, reimplementation.state_dict()[key]) for key, value in model.state_dict().items())
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, file)
    assert create_model("corrnet26", 5, width=8, frames=8, reimplementation=True, pretrained=file).load_report


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("corrnet26", {"frames": 8}, "CorrNet's re-implementation, .* make the network with reimplementation=True"),
        ("corrnet26", {"reimplementation": True}, r"for 8 frames, those of corrnet26 for 32; .* frames=8,"),
        (
            "corrnet50",
            {"reimplementation": True, "frames": 8},
            r"missing: layer1\.2\.conv2\..*left over: layer1\.2\.corr",
        ),
    ],
)
def test_files_of_other_networks(
    name: str, options: dict[str, Any], message: str, reimplementation: CorrNet, tmp_path: Path
) -> None:
    file = tmp_path / "corrnet.pth"
    torch.save(published(reimplementation), file)
    with pytest.raises(UserError, match=message):
        load_weights(create_model(name, 12, width=8, **options), file)


def test_own_file_of_the_other_form(tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    torch.save(create_model("corrnet26", 3, width=8).state_dict(), file)
    assert load_weights(create_model("corrnet26", 3, width=8), file).left_out == ()
    with pytest.raises(UserError, match=r"form inferred from the paper, .* reimplementation=False"):
        load_weights(create_model("corrnet26", 3, width=8, reimplementation=True), file)


def test_arc_takes_the_factors() -> None:
    report = arc_report(convert(abstract(26)))
    assert {entry.feedback for entry in report.converted} == {"convolution + BatchNorm + ReLU"}
    assert len(report.converted) == 16
    assert {entry.note for entry in report.converted} == {""}


@pytest.mark.slow
def test_exports_with_any_number_of_frames() -> None:
    model = create_model("corrnet26", 4, width=8, frames=6).eval()
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


def test_errors() -> None:
    with pytest.raises(ValueError, match="width=4 is too narrow"):
        create_model("corrnet26", 2, width=4)
    with pytest.raises(ValueError, match="frames=0"):
        create_model("corrnet26", 2, frames=0)
