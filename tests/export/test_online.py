"""Exported frame by frame: a frame and a state in, logits and the next state out, as the network on whole clips."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recircle import ArcConfig
from recircle.cli.main import main
from recircle.errors import UserError
from recircle.export import Format, export_run
from recircle.export.online import OnlineNetwork, capture_step, run_through
from recircle.export.parity import random_clips
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.views.preprocessing import Preprocessing
from tests.small_run import SPEC, write_run

CAUSAL = replace(
    SPEC,
    model=ModelConfig(
        name="arc_tsm_resnet18",
        width=8,
        causal=True,
        arc=ArcConfig(aggregation="ST", steps=2),
        options={"stages": "layer1"},
    ),
    preprocessing=Preprocessing(resize=36, crop=(32, 40)),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run", CAUSAL)


def test_frame_by_frame_in_onnx_runtime(run: Run, tmp_path: Path) -> None:
    import onnxruntime

    exported = export_run(run.path, "onnx", tmp_path / "model.online.onnx", online=True)
    assert exported.parity.holds
    assert exported.parity.spread > 0.1
    session: Any = onnxruntime.InferenceSession(exported.path)
    entries = json.loads(session.get_modelmeta().custom_metadata_map["state.json"])
    assert [value.name for value in session.get_inputs()] == ["frames", *(f"state.{name}" for name in entries)]
    assert [value.name for value in session.get_outputs()] == ["logits", *(f"next.{name}" for name in entries)]
    assert session.get_inputs()[0].shape == ["B", 3, 32, 40]

    # with NumPy alone, as a program without this package has it
    clips = random_clips(2, 5, (32, 40), torch.Generator().manual_seed(5))
    state = {
        f"state.{name}": np.full((2, *entry["shape"]), entry["fill"], entry["dtype"]) for name, entry in entries.items()
    }
    with torch.no_grad():
        expected = run.load_model().forward_prefixes(CAUSAL.preprocessing.normalise(clips))
    for number, frame in enumerate(clips.unbind(1)):
        logits, *after = session.run(None, {"frames": frame.numpy(), **state})
        state = dict(zip(state, after, strict=True))
        np.testing.assert_allclose(logits, expected[:, number], rtol=1e-4, atol=1e-4)
    assert state["state.frames"].tolist() == [5, 5]


def test_frame_by_frame_in_torch(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run.path), "--online", "--format", "torch"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "model.online.pt2" in printed
    assert "frames uint8 [B, 3, 32, 40] and a state of 14 tensors" in printed
    assert (run.path / "model.online.pt2").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_whole_clips_of_causal_networks_too(format: Format, run: Run, tmp_path: Path) -> None:  # noqa: A002
    suffix = {"onnx": ".onnx", "torch": ".pt2"}[format]
    assert export_run(run.path, format, tmp_path / f"model{suffix}").parity.holds


@pytest.mark.parametrize("arc", [None, ArcConfig.temporal(), ArcConfig.published(attention_module="gru", steps=2)])
def test_what_is_captured_is_the_network(arc: ArcConfig | None) -> None:
    name = "tsm_resnet18" if arc is None else "arc_tsm_resnet18"
    torch.manual_seed(0)
    model = ModelConfig(name=name, width=8, causal=True, arc=arc).build(4).eval()
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    network = OnlineNetwork(model, SPEC.preprocessing)
    step = capture_step(network).module()
    clips = random_clips(3, 4, (32, 32), torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = run_through(lambda *values: tuple(step(*values)), network.entries)(clips)
        expected = model.forward_prefixes(SPEC.preprocessing.normalise(clips)).flatten(0, 1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_networks_that_look_ahead_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    with pytest.raises(UserError, match="tsm_resnet18 was not created, and trained, with causal=True"):
        export_run(run.path, "torch", online=True)
    assert not (run.path / "model.online.pt2").exists()
