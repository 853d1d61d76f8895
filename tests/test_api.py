"""What users may rely on is declared: names, signatures, and the paths that pickles name."""

import ast
import difflib
import inspect
import pickle
import pickletools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import recircle
from recircle.evaluation.provenance import EarlierWords
from tests.api_snapshot import KEPT, ROOMS, snapshot
from tests.evaluation.factories import provenance

SOURCE = Path(__file__).resolve().parents[1] / "src" / "recircle"


def test_the_api_is_as_it_was_recorded() -> None:
    change = "\n".join(
        difflib.unified_diff(KEPT.read_text(encoding="utf-8").splitlines(), snapshot().splitlines(), n=0, lineterm="")
    )
    assert not change, f"the API has changed; `python -m tests.api_snapshot` records it where that is wanted:\n{change}"


def test_a_name_a_parameter_or_a_default_that_goes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def temporal_shift(x: torch.Tensor, divisor: int = 4) -> torch.Tensor: ...

    monkeypatch.setattr(recircle.layers, "temporal_shift", temporal_shift)
    monkeypatch.delattr(recircle.FrameModel, "forward")
    changed = {*snapshot().splitlines()} ^ {*KEPT.read_text(encoding="utf-8").splitlines()}
    clip = "Shaped[Tensor, 'B T C *place']"
    assert changed == {
        "recircle.layers.temporal_shift(x: Tensor, divisor: int = 4) -> Tensor",
        f"recircle.layers.temporal_shift(x: {clip}, divisor: int = 8, *, causal: bool = False) -> {clip}",
        "recircle.FrameModel.forward(self, clips: Float[Tensor, 'B T C H W']) -> Float[Tensor, 'B ...']",
    }


def test_names_are_shown_and_imported_when_they_are_used() -> None:
    lazy = (
        "import sys, recircle; assert 'torch' not in sys.modules; names = dir(recircle); "
        "assert 'torch' not in sys.modules; assert set(recircle.__all__) <= set(names), names; "
        "[getattr(recircle, name) for name in names]; from recircle import *; ArcConfig, convert, arc.ArcConv2d"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", lazy], check=True)
    assert sorted(recircle.__all__) == recircle.__all__
    with pytest.raises(AttributeError, match="no attribute 'Arcconfig'"):
        _ = recircle.Arcconfig  # pyright: ignore[reportAttributeAccessIssue]


def test_each_name_is_told_once_to_people_to_types_and_to_python() -> None:
    declared = {
        alias.name
        for node in ast.walk(ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recircle")
        for alias in node.names
    }
    assert declared == {*recircle.__all__} == {*recircle._HOMES} | {*ROOMS}


def test_public_things_are_known_by_the_path_that_users_type() -> None:
    marked = {
        node.name
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and "public" in map(ast.unparse, node.decorator_list)
    }
    assert marked == {*recircle._HOMES} | {*recircle._PARTS}
    for name in marked:
        thing = getattr(recircle, name)
        assert (thing.__module__, thing.__qualname__) == ("recircle", name)
        assert pickle.loads(pickle.dumps(thing)) is thing


def network() -> nn.Module:
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16), nn.ReLU()]
    layers += [nn.Conv2d(16, 16, 3), nn.GroupNorm(4, 16), nn.ReLU(), nn.Conv2d(16, 8, 3)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


def things() -> dict[str, Any]:
    config = recircle.ArcConfig(steps=2, attention_module="gru")
    converted = recircle.FrameModel(recircle.convert(network(), 4))
    return {
        "config": config,
        "converted": converted,
        "gru": recircle.FrameModel(recircle.convert(network(), config=config)),
        "prepared": recircle.prepare_for_inference(converted.eval()),
        "report": recircle.arc_report(converted.net),
        "recognition": recircle.Recognition(
            labels=("a", "b"),
            probabilities=np.array([0.25, 0.75]),
            logits=np.zeros((1, 2), np.float32),
            provenance=provenance(earlier=EarlierWords()),
        ),
        "error": recircle.UserError("no such clip"),
        "model config": recircle.ModelConfig(name="tsm_resnet18"),
        "manifest": recircle.Manifest((recircle.Clip(path="a.mp4"),), Path()),
    }


def test_pickles_name_no_file_of_this_package(subtests: pytest.Subtests) -> None:
    for name, value in things().items():
        with subtests.test(name):
            check_pickle(value)


def check_pickle(value: Any) -> None:
    # protocol 2 writes each class as one word
    content = pickle.dumps(value, protocol=2)
    modules = {str(word).split()[0] for code, word, _ in pickletools.genops(content) if code.name == "GLOBAL"}
    assert {module for module in modules if module.startswith("recircle")} == {"recircle"}
    again = pickle.loads(content)
    assert type(again) is type(value)
    if isinstance(value, nn.Module):
        clips = torch.rand(1, 4, 3, 20, 20)
        assert torch.equal(again.eval()(clips), value.eval()(clips))


def test_functions_can_still_be_read() -> None:
    assert "def convert" in inspect.getsource(recircle.convert)
    assert "def forward" in inspect.getsource(recircle.ArcConv2d.forward)
