"""Networks of one's own: modules that register them, packages that announce them, and configs that remember both."""

import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import recircle
from recircle.cli.main import COMMANDS, WITHOUT_NETWORKS, main
from recircle.config import from_json, to_json
from recircle.errors import UserError
from recircle.models import ModelConfig, create_model, discovery, list_models
from recircle.models import registry as registry_module
from tests.small_run import write_clips

NETWORK = """
import recircle
from torch import nn

@recircle.register_model(takes="NCHW")
def {name}(num_classes: int, width: int = 8) -> nn.Module:
    \"\"\"A small network of somebody's own.\"\"\"
    return nn.Sequential(nn.Conv2d(3, width, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(width, num_classes))
"""


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Forget afterwards what is registered, imported and found; the folder of the test is where Python looks."""
    monkeypatch.setattr(registry_module, "_BUILDERS", dict(registry_module._BUILDERS))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    before = {*sys.modules}
    registry_module._load_announced.cache_clear()
    yield
    registry_module._load_announced.cache_clear()
    for name in {*sys.modules} - before:
        if name.startswith(("nets_", "package_")):
            del sys.modules[name]


def write(name: str, code: str) -> None:
    Path(f"{name}.py").write_text(code, encoding="utf-8")


def forget(module: str) -> None:
    """Be a new process, as far as this module goes."""
    del sys.modules[module]
    del registry_module._BUILDERS[module.replace("nets_", "net_")]


def test_a_config_remembers_the_module_and_imports_it_again() -> None:
    write("nets_a", NETWORK.format(name="net_a"))
    discovery.import_networks("nets_a")
    config = ModelConfig(name="net_a", width=16)
    assert config.module == "nets_a"
    assert ModelConfig(name="tsm_resnet18").module == ""
    text = to_json(config)
    forget("nets_a")
    with pytest.warns(UserWarning, match="importing nets_a, whose code registers the network net_a"):
        again = from_json(ModelConfig, text)
    assert again == config
    assert again.build(3)(torch.rand(1, 2, 3, 16, 16)).shape == (1, 3)
    # it is known now, and nothing is imported
    assert from_json(ModelConfig, text) == config


def test_a_module_that_is_gone_or_registers_nothing_any_more_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    text = '{"name": "net_b", "module": "nets_b"}'
    with (
        pytest.warns(UserWarning, match="importing"),
        pytest.raises(UserError, match=r"'net_b' is registered by nets_b, and .*'nets_b' is not found: install"),
    ):
        from_json(ModelConfig, text)
    write("nets_b", "x = 1")
    with (
        pytest.warns(UserWarning, match="importing"),
        pytest.raises(UserError, match=r"nets_b registers no network 'net_b' any more; decorate"),
    ):
        from_json(ModelConfig, text)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nets_there_is_none", "needs 'nets_there_is_none', which is not installed"),
        ("1 / 0", "'nets_c' cannot be imported: ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)", "'nets_c' ends the program when it is imported, as a script does"),
        ("def (", "'nets_c' cannot be imported: SyntaxError"),
        (NETWORK.format(name="tsm_resnet18"), "cannot be imported: there is a network 'tsm_resnet18' already"),
    ],
)
def test_a_module_that_fails_is_a_sentence(code: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    write("nets_c", code)
    assert main(["models", "--import", "nets_c"]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", ["nets_d.py", "./nets_d", "nets-d", ""])
def test_what_is_no_module_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", f"--import={name}"]) == 2
    error = capsys.readouterr().err
    assert "--import needs a value" in error or "is not the name of a module" in error
    assert ("such as nets_d" in error) == ("nets_d" in name)


def test_commands_import_from_the_folder_that_they_run_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:-1])
    write("nets_e", NETWORK.format(name="net_e"))
    write("nets_f", NETWORK.format(name="net_f"))
    write("json", "raise RuntimeError('a file here is taken for a module of Python')")
    assert main(["models", "net_*", "--import", "nets_e", "--import=nets_f"]) == 0
    printed = capsys.readouterr().out
    assert "net_e" in printed
    assert "A small network of somebody's own." in printed
    assert "net_f" in printed


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_that_builds_networks_says_so(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert ("--import MODULE" in capsys.readouterr().out) == (name not in WITHOUT_NETWORKS)


def announce(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    points = [importlib.metadata.EntryPoint(name, value, discovery.GROUP) for name, value in values.items()]
    monkeypatch.setattr(discovery, "entry_points", lambda group: points if group == discovery.GROUP else [])


def test_installed_packages_announce_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    write("package_g", NETWORK.format(name="net_g"))
    write("package_h", "import recircle\ndef build(k): return recircle.create_model('tsn_resnet18', k, width=8)")
    announce(monkeypatch, net_g="package_g:net_g", net_h="package_h:build", all_of_g="package_g")
    assert list_models("net_*") == ["net_g", "net_h"]
    assert create_model("net_h", 3).num_classes == 3
    assert ModelConfig(name="net_h").module == "package_h"


def test_one_announced_network_that_fails_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    write("package_i", NETWORK.format(name="net_i") + "\nsomething = 3")
    write("package_j", "1 / 0")
    announce(
        monkeypatch,
        net_i="package_i:net_i",
        broken="package_j:build",
        none="package_i:none",
        number="package_i:something",
        tsm_resnet18="package_i:net_i",
    )
    with pytest.warns(UserWarning, match="is left out") as told:
        assert list_models("net_*") == ["net_i"]
    words = "\n".join(str(one.message) for one in told)
    assert len(told) == 4
    for name, reason in (
        ("broken", "ZeroDivisionError"),
        ("none", "has no 'none'"),
        ("number", "is a int, and no function"),
        ("tsm_resnet18", "there is a network 'tsm_resnet18' already"),
    ):
        assert f"the network '{name}' (package_" in words
        assert reason in words


NEEDY = NETWORK.replace("width: int = 8", "width: int, deep: int")


@pytest.mark.filterwarnings("default:importing")
def test_the_commands_train_evaluate_and_load_an_imported_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("nets_k", NEEDY.format(name="net_k"))
    clips = write_clips(tmp_path / "clips")
    train = ["train", "net_k", "--import", "nets_k", "--data", str(clips.root), "--epochs", "1", "--batch-size", "3"]
    train += ["--data.workers", "0", "--data.preprocessing.resize", "36", "--data.preprocessing.crop", "32"]
    assert main(train) == 2
    assert "net_k needs deep, width, for which its function has no default" in capsys.readouterr().err
    assert main([*train, "--model.width", "8", "--model.options", "deep", "2", "--output", "run"]) == 0
    run = recircle.Run(Path("run"))
    assert run.load_spec().model.module == "nets_k"
    forget("nets_k")
    capsys.readouterr()
    assert main(["eval", "run", "--workers", "0", "--resamples", "5"]) == 0
    assert "importing nets_k, whose code registers the network net_k" in " ".join(capsys.readouterr().err.split())
    Path("nets_k.py").unlink()
    forget("nets_k")
    importlib.invalidate_caches()
    assert main(["predict", "run", str(clips.path(clips.clips[0]))]) == 2
    assert (
        "the network 'net_k' is registered by nets_k, and the module 'nets_k' is not found" in capsys.readouterr().err
    )
