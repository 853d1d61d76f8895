"""`recircle.train` and `recircle.evaluate`: plain arguments become the config of the command, and its run."""

import json
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
import torch

import recircle
from recircle.api.settings import PLACES, TrainSettings, apply_settings
from recircle.api.train import find_recipe
from recircle.cli.main import main
from recircle.config import from_json, to_json
from recircle.training import loop
from tests.small_run import LABELS, write_clips, write_run

SMALL: dict[str, Any] = {"width": 8, "resize": 36, "crop": 32, "frames": 4, "workers": 0, "batch_size": 3}


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[recircle.TrainConfig]:
    """The configs that training is called with; it does not train."""
    seen: list[recircle.TrainConfig] = []

    def train(config: recircle.TrainConfig, **_: object) -> recircle.Run:
        seen.append(config)
        return recircle.Run(config.output)

    monkeypatch.setattr(loop, "train", train)
    return seen


@pytest.fixture
def clips(tmp_path: Path) -> recircle.Manifest:
    return write_clips(tmp_path / "clips")


def test_a_network_trains_goes_on_and_is_evaluated(
    clips: recircle.Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = {**SMALL, "output": tmp_path / "run", "progress": False}
    run = recircle.train("tsm_resnet18", clips, epochs=1, **calls)
    config = run.load_config(recircle.TrainConfig)
    assert (config.epochs, config.batch_size, config.model.width) == (1, 3, 8)
    assert run.load_spec().labels == LABELS
    assert recircle.train("tsm_resnet18", clips, epochs=2, resume=True, **calls).path == run.path
    assert run.load_config(recircle.TrainConfig).epochs == 2

    found = recircle.evaluate(run, workers=0, resamples=20, clips=2)
    assert found.path.parent == run.predictions_path
    assert found.predictions.paths == recircle.Predictions.load(found.path).paths
    assert found.metrics.clips == 3
    assert capsys.readouterr().out == ""
    assert main(["eval", str(run.path), "--json", "--workers", "0", "--resamples", "20", "--clips", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["top1"] == found.report.to_dict()["top1"]
    again = recircle.evaluate(str(run.path), clips, split="all", workers=0, order="reversed", name="mine", resamples=20)
    assert again.path == run.predictions_path / "reversed" / "mine.npz"
    assert again.metrics.clips == 6
    other = recircle.evaluate(run, workers=0, order="single", against=run, clips=2, resamples=20, crops=1)
    assert other.against == found.path
    assert other.report.comparison is not None


def test_a_recipe_and_its_overrides_are_those_of_the_command(
    configs: list[recircle.TrainConfig], clips: recircle.Manifest, tmp_path: Path
) -> None:
    assert clips.file is not None
    recircle.train("tabletop_arc_tsm", clips.file, epochs=3, lr=0.1, seed=7, frames=4, crop=48, warmup=1, output="out")
    command = ["train", "tabletop_arc_tsm", "--data", str(clips.root), "--epochs", "3", "--optimiser.lr", "0.1"]
    command += ["--seed", "7", "--data.sampling.frames", "4", "--data.preprocessing.crop", "48", "--output", "out"]
    assert main([*command, "--schedule.warmup", "1"]) == 0
    by_name, by_command = configs
    assert by_name == by_command
    recircle.train(recircle.get_recipe("tabletop_arc_tsm"), clips.root, epochs=3)
    recircle.train(recircle.ModelConfig(name="tsm_resnet18", width=8), clips)
    recircle.train("tsm_resnet18", clips, width=8)
    assert configs[2].epochs == 3
    assert configs[3] == configs[4]
    assert main(["train", "tsm_resnet18", "--data", str(clips.root), "--model.width", "8"]) == 0
    assert {**vars(configs[5]), "data": 0} == {**vars(configs[4]), "data": 0}


def test_each_argument_has_its_place() -> None:
    config = find_recipe("tabletop_tsm")(Path("clips.csv"))
    names = get_type_hints(TrainSettings)
    whole = {place.rpartition(".")[2] for place in PLACES} - {"data", "model"}
    placed = {name: place for place, inside in PLACES.items() for name in inside}
    assert placed.keys() <= names.keys()
    for name in names.keys() - whole:
        section: Any = config
        for part in filter(None, placed.get(name, "").split(".")):
            section = getattr(section, part)
        value = getattr(section, name)
        same = apply_settings(config, {name: value})
        assert same == config, name


def test_words_and_whole_sections() -> None:
    config = find_recipe("ut_interaction_tsm_efficientnet_lite0")(Path("clips.csv"))
    changed = apply_settings(config, {"optimiser": "adamw", "lr": 1e-3, "schedule": "cosine", "warmup": 2.0})
    assert (changed.optimiser.kind, changed.optimiser.lr) == ("adamw", 1e-3)
    assert (changed.schedule.kind, changed.schedule.warmup) == ("cosine", 2.0)
    sampling = recircle.Sampling(frames=4, mode="dense", stride=2)
    changed = apply_settings(config, {"sampling": sampling, "stride": 3, "evaluation": recircle.Protocol(clips=3)})
    assert changed.data.sampling == recircle.Sampling(frames=4, mode="dense", stride=3)
    assert changed.evaluation.clips == 3


def test_a_size_is_changed_in_what_the_network_wants(
    configs: list[recircle.TrainConfig], clips: recircle.Manifest
) -> None:
    recircle.train("i3d_inception", clips, crop=112)
    wanted = recircle.create_model("i3d_inception", 2).preprocessing
    (config,) = configs
    assert config.data.preprocessing is not None
    assert (config.data.preprocessing.crop, config.data.preprocessing.mean) == (112, wanted.mean)


def test_numbers_of_other_libraries_are_numbers(configs: list[recircle.TrainConfig], clips: recircle.Manifest) -> None:
    settings: dict[str, Any] = {"epochs": np.int64(3), "lr": torch.tensor(0.5), "test_groups": [], "cache": "frames"}
    recircle.train("tsm_resnet18", clips, **settings)
    assert (configs[0].epochs, configs[0].optimiser.lr, configs[0].data.cache) == (3, 0.5, Path("frames"))


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("tsm_resnet19", {}, "no recipe 'tsm_resnet19'; did you mean tsm_resnet1"),
        ("tsm_resnet18", {"learning_rate": 0.1}, "train has no argument 'learning_rate'"),
        ("tsm_resnet18", {"epoch": 3}, "no argument 'epoch'; did you mean epochs"),
        ("tsm_resnet18", {"epochs": "3"}, "epochs='3': input should be a valid integer"),
        ("tsm_resnet18", {"epochs": True}, "epochs=True"),
        ("tsm_resnet18", {"epochs": 0}, "epochs=0 must be 1 or more"),
        ("tsm_resnet18", {"groups": "set1"}, "groups='set1'"),
        ("tsm_resnet18", {"optimiser": "adam"}, "optimiser='adam'"),
        ("tsm_resnet18", {"schedule": "cosine", "milestones": [3]}, "milestones"),
        ("tsm_resnet18", {"arc": recircle.ArcConfig()}, "use arc_tsm_resnet18"),
        ("tsm_resnet18", {"crop": 300}, "crop=300 is larger"),
        ("tsm_resnet18", {"options": {"depth": 3}}, "no option depth"),
        (torch.nn.Linear(2, 2), {}, r"Linear cannot be used: it is to return logits"),
        (torch.nn.Linear, {}, r"Linear is a class; give train a network of it, such as Linear\(\.\.\.\)"),
        (lambda n: None, {}, r"'<lambda>' has no name among the networks; decorate the function"),
        (None, {}, "not a NoneType"),
        ("tsm_resnet18", {"takes": "NCHW"}, "takes= goes with a network itself"),
        ("tsm_resnet18", {"classes": ["a", "b"]}, "classes= goes with a Dataset"),
        ("tsm_resnet18", {"validation": []}, "validation= goes with a Dataset"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_written(
    model: Any, arguments: dict[str, Any], message: str, clips: recircle.Manifest, tmp_path: Path
) -> None:
    with pytest.raises(recircle.UserError, match=message):
        recircle.train(model, clips, output=tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_clips_must_be_in_a_file(clips: recircle.Manifest, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for data, message in (
        (clips.select("train"), "write them first"),
        (tmp_path / "empty", "holds no videos"),
        ("x.csv", "x.csv"),
    ):
        with pytest.raises(recircle.UserError, match=message):
            recircle.train("tsm_resnet18", data)


def test_evaluate_names_what_is_wrong(tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"batchsize": 3}, "evaluate has no argument 'batchsize'; did you mean batch_size"),
        ({"calibrate": True, "order": "single"}, "leave out order"),
        ({"against": tmp_path / "x"}, "is not there to compare with"),
        ({}, "is not a run's folder"),
    ]
    for arguments, message in wrong:
        with pytest.raises(recircle.UserError, match=message):
            recircle.evaluate(tmp_path / "none", **arguments)


def test_evaluate_names_settings_out_of_range(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"resamples": 0}, "resamples=0 must be 1 or more"),
        ({"seed": -1}, "seed=-1 must be 0 or more"),
        ({"batch_size": 0}, "batch_size=0 must be 1 or more"),
        ({"workers": -1}, "workers=-1 must be 0"),
        ({"seconds": 0.0}, "seconds=0.0 must be above 0"),
        ({"device": "abacus"}, "'abacus' cannot be used here"),
        ({"order": "backwards"}, "order='backwards' is not one of"),
    ]
    for arguments, message in wrong:
        with pytest.raises(recircle.UserError, match=message):
            recircle.evaluate(run, **arguments)


def test_every_network_has_a_recipe_for_own_clips() -> None:
    for name in ("tsm_resnet18", "timesformer_base", "abm_iabp_resnet18", "slowfast_resnet50"):
        recipe = find_recipe(name)
        config = recipe(Path("clips.csv"))
        recircle.create_model(name, 2).check_frames(config.data.sampling.frames)
        assert from_json(recircle.TrainConfig, to_json(config)) == config
        assert name in recipe.description
    assert not {*recircle.list_models()} & {*recircle.list_recipes()}
