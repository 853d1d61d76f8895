"""`recircle train`: recipe, manifest and overrides become a run that the other commands read."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.arc.config import ArcConfig
from recircle.cli.main import main
from recircle.cli.train import parse_config
from recircle.errors import UserError
from recircle.loading.config import DataConfig
from recircle.models.registry import ModelConfig, create_model
from recircle.recipes import registry
from recircle.recipes.recipe import DataSet, Recipe
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.training.optimiser import Optimiser
from recircle.views.augmentation import Augmentation
from recircle.views.preprocessing import Preprocessing
from tests.small_run import LABELS, write_clips

Capture = pytest.CaptureFixture[str]


def settings(recipe: Recipe, manifest: Path) -> TrainConfig:
    return TrainConfig(
        model=ModelConfig(name=recipe.model, width=8, arc=ArcConfig(steps=2)),
        data=DataConfig(
            manifest=manifest,
            sampling=recipe.sampling(),
            preprocessing=Preprocessing(resize=36, crop=32),
            augmentation=Augmentation(flip="off"),
            workers=0,
        ),
        optimiser=Optimiser(lr=0.05),
        output=recipe.output,
        epochs=3,
        batch_size=3,
    )


TINY = Recipe(
    name="tiny",
    data=DataSet(title="Tiny clips", folder="TINY", prepare="recircle index TINY"),
    title="a very small network",
    model="arc_tsm_resnet18",
    frames=2,
    settings=settings,
    notes="",
)


@pytest.fixture(autouse=True)
def _recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {TINY.name: TINY}
    monkeypatch.setattr(registry, "_recipes", lambda: known)
    monkeypatch.setattr(
        registry, "warn_from_scratch", lambda found, config: print("scratch", found.name, config.epochs)
    )
    monkeypatch.setattr(registry, "check_version", lambda _, config: print("version tiny", config.epochs))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("data")).root


def test_from_a_manifest_to_recognised_clips(data: Path, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "run"
    overrides = ["--epochs", "1", "--output", str(path), "--optimiser.lr", "0.01", "--model.arc.steps", "4"]
    assert main(["train", "tiny", "--data", str(data), *overrides]) == 0
    printed = capsys.readouterr().out
    assert f"recircle eval {path}" in printed
    assert "scratch tiny 1" in printed, "the recipe's own warning is asked for with the overridden config"
    assert "version tiny 1" in printed
    config = Run(path).load_config(TrainConfig)
    assert (config.epochs, config.optimiser.lr, config.batch_size) == (1, 0.01, 3)
    assert config.model.arc == ArcConfig(steps=4)
    assert config.data.manifest == data / "manifest.csv"
    assert main(["eval", str(path)]) == 0
    assert "clips held out in training: 3 clips of 3 classes" in capsys.readouterr().out
    assert main(["predict", str(path), str(data / "lift" / "val"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] in LABELS


def test_a_run_goes_on_where_it_and_its_clips_are_now(data: Path, tmp_path: Path, capsys: Capture) -> None:
    clips = Path(shutil.copytree(data, tmp_path / "clips"))
    path = tmp_path / "run"
    assert main(["train", "tiny", "--data", str(clips), "--epochs", "1", "--output", str(path)]) == 0
    moved, clips = path.rename(tmp_path / "moved"), clips.rename(tmp_path / "new")
    assert main(["train", "--resume", str(moved)]) == 2
    assert "manifest.csv" in capsys.readouterr().err
    assert main(["train", "--resume", str(moved), "--data", str(clips), "--epochs", "2"]) == 0
    assert f"run: {moved}" in capsys.readouterr().out
    kinds = [json.loads(line)["kind"] for line in Run(moved).metrics_path.read_text().splitlines()]
    assert kinds.count("val") == 2
    assert main(["train", "--resume", str(moved), "--data", str(clips), "--batch-size", "2"]) == 2
    assert "batch_size 3 -> 2" in capsys.readouterr().err


def test_the_settings_of_a_run_serve_another(data: Path, tmp_path: Path, capsys: Capture) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    overrides = ["--epochs", "1", "--freeze", "conv1", "--class-weights", "balanced"]
    assert main(["train", "tiny", "--data", str(data), "--output", str(first), *overrides]) == 0
    capsys.readouterr()
    assert main(["train", "--config", str(first / "config.json"), "--output", str(second), "--seed", "1"]) == 0
    printed = capsys.readouterr()
    assert f"run: {second}" in printed.out
    assert f"{first / 'config.json'}: clips are read from {data / 'manifest.csv'}" in printed.err
    configs = [Run(path).load_config(TrainConfig) for path in (first, second)]
    assert configs[1] == replace(configs[0], output=second, seed=1)
    clips = Path(shutil.copytree(data, tmp_path / "clips"))
    third = ["--data", str(clips), "--output", str(tmp_path / "third")]
    assert main(["train", "--config", str(first), *third]) == 0
    assert Run(tmp_path / "third").load_config(TrainConfig).data.manifest == clips / "manifest.csv"
    assert main(["train", "--config", str(first)]) == 2
    assert f"{first} holds a run already" in capsys.readouterr().err


def test_the_same_command_starts_a_run_goes_on_with_it_and_leaves_it(
    data: Path, tmp_path: Path, capsys: Capture
) -> None:
    command = ["train", "tiny", "--data", str(data), "--output", str(tmp_path / "run"), "--continue"]
    assert main([*command, "--epochs", "1"]) == 0
    assert main([*command, "--epochs", "2"]) == 0
    assert "going on after step" in capsys.readouterr().err
    assert main([*command, "--epochs", "2"]) == 0
    assert "is finished: all 2 epochs are done" in capsys.readouterr().err
    assert main([*command, "--epochs", "2", "--seed", "1"]) == 2
    assert "seed 0 -> 1" in capsys.readouterr().err
    kinds = [json.loads(line)["kind"] for line in Run(tmp_path / "run").metrics_path.read_text().splitlines()]
    assert (kinds.count("val"), kinds.count("end")) == (2, 1)


def test_the_help_of_a_recipe_has_its_text_and_all_fields(capsys: Capture) -> None:
    assert main(["train", "tiny", "--help"]) == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Tiny clips, a very small network. Commands: recircle index TINY recircle train tiny --data TINY" in printed
    for field in ("--epochs", "--model.arc.steps", "--data.sampling.frames", "--optimiser.lr", "--evaluation.clips"):
        assert f"{field} " in printed
    assert "passes over the training clips. (default: 3)" in printed
    assert "n, the number of recursive steps; a divisor of the output channels" in printed


def test_the_help_of_the_command_lists_the_recipes(capsys: Capture) -> None:
    assert main(["train", "--help"]) == 0
    assert "recipes: tiny" in capsys.readouterr().out
    assert main(["train"]) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tiny"], "recipe tiny needs its clips: --data MANIFEST"),
        (["tiny", "--data"], "--data needs a value"),
        (["tiny", "--data", "none.csv"], "none.csv is not there"),
        (["--data", "none.csv", "tiny"], "none.csv is not there"),
        (["--epochs", "3", "tiny"], "the name of a recipe comes first"),
        (["--resume", "none"], "none has no config.json"),
        (["--config", "none"], "none cannot be read"),
        (["tiny", "--config", "none"], "--config none takes the place of a recipe; leave out tiny"),
        (["--resume", "a", "--config", "b"], "leave out --config"),
        (["--resume", "a", "--continue"], "give one of them"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(arguments: list[str], words: str, capsys: Capture) -> None:
    assert main(["train", *arguments]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["--epochs", "0"], "epochs=0 must be 1 or more"),
        (["--epochs", "many"], "invalid"),
        (["--model.arc.steps", "0"], "steps=0"),
        (["--model.arc.steps", "3"], "3"),
        (["--model.name", "tsm_resnet17"], "tsm_resnet1"),
        (["--lr", "3"], "--lr"),
    ],
)
def test_a_wrong_override_is_told_before_anything_is_written(
    overrides: list[str], words: str, data: Path, tmp_path: Path, capsys: Capture
) -> None:
    arguments = ["train", "tiny", "--data", str(data), "--output", str(tmp_path / "run"), *overrides]
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["tsm_resnet18", "arc_tsm_resnet18"])
def test_what_a_recipe_leaves_to_the_model_can_be_overridden(name: str, tmp_path: Path) -> None:
    config = TINY(tmp_path / "m.csv")
    bare = replace(
        config, model=ModelConfig(name=name, width=8), data=replace(config.data, preprocessing=None, workers=3)
    )
    assert parse_config(bare, []) == bare
    assert parse_config(bare, ["--data.workers", "1"]).data.preprocessing is None
    arc = ["--model.name", "arc_tsm_resnet18", "--model.arc.steps", "2", "--model.arc.pooling", "mean"]
    assert parse_config(bare, arc).model.arc == ArcConfig(steps=2, pooling="mean")
    crop = parse_config(bare, ["--data.preprocessing.crop", "112", "128"])
    assert crop.data.preprocessing == replace(create_model(name, 2, width=8).preprocessing, crop=(112, 128))


def test_all_of_arc_is_set_by_the_name_of_a_preset(tmp_path: Path) -> None:
    config = replace(TINY(tmp_path / "m.csv"), model=ModelConfig(name="tsm_resnet18", width=8))
    named = ["--model.name", "arc_tsm_resnet18", "--model.arc-preset", "light"]
    assert parse_config(config, named).model == ModelConfig(name="arc_tsm_resnet18", width=8, arc=ArcConfig.light())
    two = parse_config(config, [*named, "--model.arc.steps", "2"])
    assert two.model.arc == ArcConfig.light(steps=2)
    with pytest.raises(UserError, match="there is no ARC preset 'heavy'; use one of paper, published, light, temporal"):
        parse_config(config, [*named[:-1], "heavy"])
    with pytest.raises(UserError, match="tsm_resnet18 has no ARC layers"):
        parse_config(config, named[2:])


def test_the_help_shows_what_a_recipe_leaves_to_the_model(capsys: Capture) -> None:
    config = TINY(Path("m.csv"))
    bare = replace(config, model=ModelConfig(name="arc_tsm_resnet18"), data=DataConfig(manifest=Path("m.csv")))
    with pytest.raises(SystemExit):
        parse_config(bare, ["--help"])
    printed = capsys.readouterr().out
    assert "--model.arc.steps" in printed
    assert "--data.preprocessing.crop" in printed


def test_a_folder_without_a_manifest_says_how_to_write_one(tmp_path: Path, capsys: Capture) -> None:
    assert main(["train", "tiny", "--data", str(tmp_path)]) == 2
    assert f"write one with `recircle index {tmp_path}`" in capsys.readouterr().err
