"""A run as a file of machine code: it computes what the run does, and a missing compiler is told before any work."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._inductor.cpp_builder as builder

from recircle import torch_internals
from recircle.arc import ArcConfig
from recircle.config import from_json
from recircle.errors import UserError
from recircle.export import compiled_program, export_run
from recircle.export.parity import random_clips
from recircle.models.registry import ModelConfig
from recircle.run import ModelSpec
from recircle.views.preprocessing import Preprocessing
from tests.small_run import SPEC, write_run

SMALL = replace(
    SPEC,
    model=ModelConfig(name="arc_tsm_resnet18", arc=ArcConfig.paper(steps=2), width=8),
    preprocessing=Preprocessing(resize=36, crop=(32, 40)),
)


def test_without_a_compiler_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "run", SPEC)
    monkeypatch.setattr(compiled_program, "has_cpp_compiler", lambda: False)
    monkeypatch.setattr("recircle.export.export.capture", lambda network: pytest.fail("captured"))
    with pytest.raises(UserError, match=r"needs a C\+\+ compiler, and none was found: install g\+\+ or clang\+\+"):
        export_run(run.path, "aoti")
    with pytest.raises(UserError, match=r"the format aoti has files that end in \.aoti\.pt2"):
        export_run(run.path, "aoti", run.path / "model.pt2")
    assert not list(run.path.glob("*.pt2"))


def test_whether_there_is_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(builder, "get_cpp_compiler", none)
    assert not torch_internals.has_cpp_compiler()
    monkeypatch.setattr(builder, "get_cpp_compiler", lambda: "g++")
    assert torch_internals.has_cpp_compiler()
    monkeypatch.delattr(builder, "get_cpp_compiler")
    assert torch_internals.has_cpp_compiler()


def test_weights_are_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def note(*args: Any, inductor_configs: dict[str, Any], **named: Any) -> None:
        # torch freezes weights in both cases alone, and says nothing otherwise
        assert inductor_configs["freezing"]
        assert not torch.is_grad_enabled()
        raise InterruptedError

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", note)
    program = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
    with pytest.raises(InterruptedError):
        compiled_program.write(program, {}, tmp_path / "model.aoti.pt2")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="there is no C++ compiler")
def test_the_file_computes_what_the_run_does(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", SMALL)
    exported = export_run(run.path, "aoti")
    assert exported.path == run.path / "model.aoti.pt2"
    assert exported.parity.holds
    assert exported.parity.spread > 0.01
    network = compiled_program.load(exported.path)
    model = run.load_model()
    for batch, frames in ((1, 1), (3, 7), (2, 16)):
        clips = random_clips(batch, frames, (32, 40), torch.Generator().manual_seed(7))
        with torch.no_grad():
            expected = model(SMALL.preprocessing.normalise(clips))
        torch.testing.assert_close(network(clips), expected, rtol=1e-5, atol=1e-4)
    with exported.path.open("rb") as file:
        texts = torch_internals.load_compiled_program(file).get_metadata()
    assert from_json(ModelSpec, texts["model.json"]) == SMALL
