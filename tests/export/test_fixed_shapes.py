"""Files of fixed shape: B and T are numbers, and nothing behind the input has more than four dimensions."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from recircle.arc.config import ArcConfig
from recircle.cli.main import main
from recircle.config import from_json
from recircle.errors import UserError
from recircle.export import Shape, export_run, onnx_model
from recircle.export.facts import Facts
from recircle.export.network import ExportedNetwork, capture
from recircle.models import create_model
from recircle.models.digest import digest_of
from recircle.views.preprocessing import Preprocessing
from tests.small_run import write_run

TWO_DIMENSIONAL = {
    "tsn_resnet18": None,
    "tsm_resnet18": None,
    "tsm_efficientnet_lite0": None,
    "arc_tsm_resnet18": ArcConfig.paper(steps=2),
    "arc_tsm_efficientnet_lite0": ArcConfig.temporal(),
}


@pytest.mark.parametrize("name", TWO_DIMENSIONAL)
def test_nothing_behind_the_input_has_more_than_four_dimensions(name: str) -> None:
    arc = TWO_DIMENSIONAL[name]
    options = {"width": 8} if arc is None else {"width": 8, "arc": arc}
    model = create_model(name, 3, **options).eval()  # pyright: ignore[reportArgumentType]
    preprocessing = Preprocessing(resize=36, crop=32)
    program = capture(ExportedNetwork(model, preprocessing), Shape(size=(32, 32), clips=2, frames=4))
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    assert [key for key, value in values.items() if isinstance(value, Tensor) and value.dim() > 4] == ["frames"]
    clips = torch.randint(256, (2, 4, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        expected = model(preprocessing.normalise(clips))
    torch.testing.assert_close(program.module()(clips), expected, rtol=1e-4, atol=1e-5)


def test_the_onnx_file_has_numbers_for_shapes_and_says_what_it_holds(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    exported = export_run(run.path, clips=1, frames=4)
    assert str(exported.shape) == "[1, 4, 3, 32, 32]"
    graph = onnx.shape_inference.infer_shapes(onnx.load(exported.path)).graph
    shapes = [[dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in graph.value_info]
    assert len(shapes) > 50
    assert max(map(len, shapes)) <= 4
    assert all(0 not in shape for shape in shapes)
    text = onnx_model.read_texts(exported.path)["export.json"]
    assert from_json(Facts, text) == Facts(weights=digest_of(run.load_model()), shape=exported.shape)


@pytest.mark.slow
@pytest.mark.parametrize("given", [{"clips": 2}, {"frames": 4}])
def test_one_of_the_two_may_stay_free(given: dict[str, int], tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    network = onnx_model.load(export_run(run.path, **given).path)  # pyright: ignore[reportArgumentType]
    clips = torch.randint(256, (given.get("clips", 3), given.get("frames", 5), 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        expected = run.load_model()(run.load_spec().preprocessing.normalise(clips))
    np.testing.assert_allclose(network(clips), expected, rtol=1e-4, atol=1e-3)


def test_numbers_that_the_network_does_not_take_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run")
    for words, told in (
        (["--frames", "0"], "frames=0 must be 1 or more"),
        (["--clips", "-1"], "clips=-1 must be 1 or more"),
        (["--clips", "1", "--online"], "one frame of any number of videos; leave out clips and frames"),
    ):
        assert main(["export", str(run.path), *words]) == 2
        assert told in capsys.readouterr().err
    assert not list(run.path.glob("*.onnx"))
    model = create_model("slowonly_resnet50", 3, width=8)
    model.min_frames, model.max_frames, model.frame_multiple = 4, 32, 4
    Shape(size=(32, 32), frames=8).check(model)
    for frames in (2, 6, 36):
        with pytest.raises(UserError, match=rf"frames={frames}: .* takes 4 to 32 frames, in multiples of 4"):
            Shape(size=(32, 32), frames=frames).check(model)
