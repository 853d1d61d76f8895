"""The commands that show what there is: models, recipes, doctor."""

import importlib
from types import ModuleType

import pytest

from recircle import __version__
from recircle.cli.main import main
from recircle.models.registry import list_models, model_summary
from recircle.recipes.registry import list_recipes

Capture = pytest.CaptureFixture[str]


def test_models_are_listed_with_what_they_are(capsys: Capture) -> None:
    assert main(["models", "arc_tsm_*"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list_models("arc_tsm_*")
    for line in lines:
        assert line.strip().endswith(model_summary(line.split()[0]))


def test_costs_are_those_of_the_published_network(capsys: Capture) -> None:
    assert main(["models", "tsm_resnet18", "--cost"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["tsm_resnet18", "11.27", "14.5"]


def test_costs_are_of_a_view_that_the_network_takes(capsys: Capture) -> None:
    assert main(["models", "abm_iabp_resnet18", "--cost"]) == 0
    assert "9 x 224 px" in capsys.readouterr().out.splitlines()[1]
    assert main(["models", "trn_*", "--cost", "--frames", "20"]) == 0
    assert "8 x 224 px" in capsys.readouterr().out.splitlines()[1]
    assert main(["models", "*gsm_inceptionv3", "--cost"]) == 0
    assert [line.split()[3:6] for line in capsys.readouterr().out.splitlines()[1:3]] == [["8", "x", "229"]] * 2
    assert main(["models", "gsm_inceptionv3", "--cost", "--size", "100"]) == 2
    assert "gsm_inceptionv3: frames of 100 x 100 pixels" in capsys.readouterr().err.replace("\n", " ")


def test_a_pattern_without_models_and_a_wrong_size_are_one_sentence(capsys: Capture) -> None:
    assert main(["models", "vgg*"]) == 2
    assert "no network's name matches 'vgg*'" in capsys.readouterr().err
    assert main(["models", "--cost", "--frames", "0"]) == 2
    assert "--frames 0 must be 1 or more" in capsys.readouterr().err


def test_recipes_are_listed_with_a_line_and_explained_by_name(capsys: Capture) -> None:
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list_recipes()
    assert all(len(line.split()) > 3 for line in lines)
    assert main(["recipes", list_recipes()[0]]) == 0
    assert "recircle train" in capsys.readouterr().out
    assert main(["recipes", "no_such_recipe"]) == 2
    assert "no_such_recipe" in capsys.readouterr().err


def rows(capsys: Capture) -> dict[str, str]:
    assert main(["doctor"]) == 0
    return {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}


def test_the_doctor_names_versions_devices_and_decoders(capsys: Capture) -> None:
    found = rows(capsys)
    assert __version__ in found["recircle"]
    for name in ("python", "torch", "av", "cpu", "ffmpeg", "torchcodec", "pyarrow", "tensorboard", "disk"):
        assert name in found
    assert "h264" in found["decodes"]


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (ModuleNotFoundError("no"), "not installed (manifests as .parquet): pip install 'recircle[parquet]'"),
        (OSError("libx.so is not there\nmore"), "does not load (manifests as .parquet): libx.so is not there"),
        (RuntimeError("operator torchvision::nms does not exist"), "with the --index-url that torch came from"),
    ],
)
def test_the_doctor_says_what_is_missing(
    problem: Exception, words: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = importlib.import_module

    def fail(name: str) -> ModuleType:
        if name == "pyarrow.parquet":
            raise problem
        return load(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    assert rows(capsys)["pyarrow"].strip().endswith(words)
