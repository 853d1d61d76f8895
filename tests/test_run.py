"""A run's folder: what is saved is what is loaded, and a folder that is none says so."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from recircle import __version__
from recircle.errors import UserError
from recircle.evaluation.protocol import Protocol
from recircle.models.registry import ModelConfig
from recircle.run import ModelSpec, Run
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling

SPEC = ModelSpec(
    model=ModelConfig(name="arc_tsm_resnet18", width=8),
    labels=("push left", "push right", "lift"),
    families={"push left": "push", "push right": "push"},
    preprocessing=Preprocessing(resize=(36, 48), crop=32, mean=(0.5, 0.4, 0.3)),
    sampling=Sampling(frames=4),
)
CLIPS = torch.randn(2, 4, 3, 32, 32)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, torch.Tensor]:
    """A run, and the logits of the network that was saved in it."""
    torch.manual_seed(1)
    model = SPEC.model.build(3).eval()
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    with torch.inference_mode():
        logits = model(CLIPS)
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    run = Run.create(tmp_path_factory.mktemp("runs") / "new" / "run")
    run.save_model(model, SPEC)
    return run, logits


@pytest.fixture
def run(saved: tuple[Run, torch.Tensor], tmp_path: Path) -> Run:
    """A copy to spoil."""
    return Run(shutil.copytree(saved[0].path, tmp_path / "copy"))


def test_a_saved_model_computes_the_same(saved: tuple[Run, torch.Tensor]) -> None:
    run, logits = saved
    model = run.load_model()
    with torch.inference_mode():
        assert torch.equal(model(CLIPS), logits)
    assert not model.training
    assert model.preprocessing == SPEC.preprocessing


def test_the_spec_says_all_that_the_weights_need(saved: tuple[Run, torch.Tensor]) -> None:
    run, _ = saved
    assert run.load_spec() == SPEC
    content = json.loads(run.spec_path.read_text())
    assert content["recircle"] == __version__
    assert content["labels"] == list(SPEC.labels)
    assert sorted(path.name for path in run.path.iterdir()) == ["model.json", "model.safetensors"]


def test_weights_to_start_from_are_not_needed_to_load(run: Run) -> None:
    gone = replace(SPEC, model=replace(SPEC.model, pretrained="gone/away.pth"))
    run.save_model(run.load_model(), gone)
    run.load_model()


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_run_without_its_files_is_refused(name: str, run: Run) -> None:
    (run.path / name).unlink()
    with pytest.raises(UserError, match=f"holds no trained model \\({name} not there\\)"):
        Run.open(run.path)


def test_a_path_that_is_no_folder_is_refused(run: Run) -> None:
    with pytest.raises(UserError, match="is not a run's folder"):
        Run.open(run.path / "elsewhere")
    with pytest.raises(UserError, match="cannot be written: File exists; something that is not a folder has this name"):
        Run.create(run.spec_path)


def test_weights_of_another_network_are_refused(run: Run) -> None:
    other = replace(SPEC, model=ModelConfig(name="tsm_resnet34", width=8))
    run.save_model(other.model.build(3), other)
    (run.spec_path).write_text((run.spec_path).read_text().replace("tsm_resnet34", "tsm_resnet18"))
    with pytest.raises(UserError, match=r"another network than tsm_resnet18 .*left over.*keep the two files"):
        run.load_model()


def test_weights_of_other_shapes_are_refused(run: Run) -> None:
    state = load_file(run.weights_path)
    state["fc.weight"] = torch.zeros(5, state["fc.weight"].shape[1])
    del state["fc.bias"]
    save_file(state, run.weights_path)
    with pytest.raises(UserError, match=r"fc\.bias missing, fc\.weight is \(5, 64\), not \(3, 64\)"):
        run.load_model()


def test_a_damaged_weight_file_is_a_user_error(run: Run) -> None:
    run.weights_path.write_bytes(run.weights_path.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a safetensors file that can be read safely"):
        run.load_model()


def test_a_wrong_spec_names_the_file_and_the_field(run: Run) -> None:
    content = json.loads(run.spec_path.read_text())
    run.spec_path.write_text(json.dumps(content | {"labels": ["a", "a"]}))
    with pytest.raises(UserError, match=r"model\.json: labels=.* must name each class once"):
        run.load_spec()
    content["preprocessing"]["crop"] = "large"
    run.spec_path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"model\.json: preprocessing\.crop"):
        run.load_spec()


def test_one_section_of_a_config_can_be_read(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.config_path.write_text('{"evaluation": {"clips": 2}, "data": {"anything": 1}}')
    assert run.load_config(Protocol, "evaluation") == Protocol(clips=2)
    with pytest.raises(UserError, match=r"config\.json has no section 'model'"):
        run.load_config(Protocol, "model")
    with pytest.raises(UserError, match=r"config\.json, data: Protocol has no field anything"):
        run.load_config(Protocol, "data")


def test_a_config_is_saved_and_read(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    run.save_config(Protocol(clips=10, crops=3))
    assert run.load_config(Protocol) == Protocol(clips=10, crops=3)


def test_a_notebook_shows_what_is_known_of_a_run(run: Run, tmp_path: Path) -> None:
    assert repr(run) == f"Run({str(run.path)!r})"
    assert "arc_tsm_resnet18, 3 classes" in run._repr_html_()
    assert "accuracy" not in run._repr_html_()
    line = json.dumps({"kind": "val", "top1": 0.5, "clips": 4, "epoch": 2})
    run.metrics_path.write_text(line + '\n{"kind": "train"}\n{"kind": "va')
    assert "50.0% top-1 of 4 clips after epoch 2" in run._repr_html_()
    nothing = Run(tmp_path / "<none>")._repr_html_()
    assert "&lt;none&gt;" in nothing
    assert "cannot be read" in nothing
