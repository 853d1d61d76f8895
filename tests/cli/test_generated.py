"""`recircle tabletop` and `recircle demo` hand their arguments on."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from recircle import tabletop
from recircle.cli.main import main
from recircle.manifest.manifest import Clip, Manifest

Capture = pytest.CaptureFixture[str]


def test_tabletop_passes_size_seed_and_workers(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []

    def generate(output: Path, size: str, **options: Any) -> Manifest:
        calls.append({"output": output, "size": size, **options})
        options["progress"](1, 1)
        return Manifest((Clip(path="a.mp4", label="a"),), output)

    monkeypatch.setattr(tabletop, "generate", generate)
    assert main(["tabletop", "--output", str(tmp_path), "--size", "tiny", "--seed", "3", "--workers", "1"]) == 0
    (call,) = calls
    assert {key: call[key] for key in ("output", "size", "seed", "workers")} == {
        "output": tmp_path,
        "size": "tiny",
        "seed": 3,
        "workers": 1,
    }
    assert f"1 clips of 1 classes: {tmp_path / 'manifest.csv'}" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--size", "huge"], ["--seed", "-1"], ["--workers", "0"]])
def test_a_wrong_option_of_tabletop_is_refused(options: list[str], tmp_path: Path, capsys: Capture) -> None:
    assert main(["tabletop", "--output", str(tmp_path), *options]) == 2
    assert options[0] in capsys.readouterr().err


def test_demo_runs_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []
    module = ModuleType("recircle.demo.run")
    module.run_demo = calls.append  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "recircle.demo.run", module)
    assert main(["demo", "--output", str(tmp_path)]) == 0
    assert calls == [tmp_path]
