"""Engines of exported files say what PyTorch says, find the file that the run has, and tell what they cannot do."""

import sys
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch

from recircle.cli.main import main
from recircle.config import to_json
from recircle.engines import file_engine, files
from recircle.engines.engine import EngineName, Precision
from recircle.engines.file_engine import FileEngine
from recircle.errors import UserError
from recircle.evaluation.calibration import Calibration
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.forward import Forward
from recircle.export import export_run, facts
from recircle.export.facts import Facts, Shape
from recircle.export.formats import FORMATS
from recircle.inference.recognizer import Recognizer
from recircle.run import Run
from tests.small_run import IN_PROCESS, SPEC, write_clips, write_frames, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with a file for any number of clips."""
    run = write_run(tmp_path_factory.mktemp("runs") / "run", SPEC)
    export_run(run.path)
    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frames(tmp_path_factory.mktemp("media") / "clip", 9, seed=7)


@pytest.mark.parametrize(
    ("engine", "precision", "share"),
    [("onnxruntime", "fp32", 1e-4), ("openvino", "fp32", 1e-4), ("openvino", "bf16", 0.1), ("torch", "bf16", 0.05)],
)
def test_an_engine_says_what_pytorch_says(
    engine: EngineName, precision: Precision, share: float, run: Run, folder: Path
) -> None:
    if engine == "openvino":
        pytest.importorskip("openvino")
    expected = Recognizer.load(run.path, clips=2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        recognizer = Recognizer.load(run.path, clips=2, engine=engine, precision=precision)
    assert all("this processor has no bf16" in str(one.message) for one in told)
    if told:
        precision = "fp32"
    with recognizer:
        found, (second, *_) = recognizer(folder), recognizer.batch([folder, folder, folder])
        spread = float(np.ptp(expected(folder).logits))
        np.testing.assert_allclose(found.logits, expected(folder).logits, rtol=0, atol=share * spread)
        np.testing.assert_allclose(second.logits, found.logits, rtol=0, atol=share * spread)
        assert (recognizer.labels, recognizer.digest) == (expected.labels, expected.digest)
        assert (found.provenance.engine, found.provenance.precision) == (engine, precision)
        words = [engine] * (engine != "torch") + [precision] * (precision != "fp32")
        assert all(word in found.protocol for word in words)
        frames = np.random.default_rng(0).integers(256, size=(6, 40, 40, 3), dtype=np.uint8)
        with recognizer.stream(window=0.5, fps=8) as stream:
            windows = stream.push(frames, np.arange(6) / 8) + stream.finish()
        assert windows
        with pytest.raises(UserError, match=r"online recognition runs in torch and fp32, not in .*--online"):
            recognizer.online()


def test_what_was_computed_is_kept_where_a_processor_has_no_bf16(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino")
    monkeypatch.setattr(openvino.CompiledModel, "get_property", lambda *_: openvino.Type.f32)
    with pytest.warns(UserWarning, match="this processor has no bf16: OpenVINO computes in fp32"):
        recognizer = Recognizer.load(run.path, engine="openvino", precision="bf16")
    with recognizer:
        assert recognizer(folder).provenance.precision == "fp32"


def test_a_file_in_other_steps_is_told_by_its_steps() -> None:
    shape = Shape(size=(32, 32))
    texts = {facts.NAME: to_json(Facts(weights="a", shape=shape, steps=2)), "model.json": to_json(SPEC)}
    with patch.object(FORMATS["onnx"], "read_texts", lambda _: texts):
        for wanted, words in (
            (Facts(weights="a", shape=shape), "computes in 2 steps, not in as many steps as were learned"),
            (Facts(weights="a", shape=shape, steps=2, precision="int8"), "is in fp32, not in int8"),
            (Facts(weights="b", shape=shape, steps=2), "holds other weights"),
            (Facts(weights="a", shape=shape, steps=2), ""),
        ):
            assert files._fits(Path("model.onnx"), "onnx", wanted, SPEC)[1] == words


@pytest.mark.slow
def test_a_file_that_does_not_fit_is_told_and_another_is_written_once(run: Run, folder: Path, tmp_path: Path) -> None:
    other = write_run(tmp_path / "other", SPEC)
    expected = Recognizer.load(other.path)(folder).logits
    (other.path / "model.onnx").write_text("an older file")
    with pytest.warns(UserWarning, match=r"model\.onnx cannot be read .* exported to .*engines.*\.onnx, which is used"):
        Recognizer.load(other.path, engine="onnxruntime")
    assert (other.path / "model.onnx").read_text() == "an older file"
    (written,) = (other.path / "engines").iterdir()
    before = written.stat().st_mtime_ns
    found = Recognizer.load(other.path, engine="onnxruntime")(folder).logits
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * float(np.ptp(expected)))
    assert written.stat().st_mtime_ns == before
    # trained again: its weights are others
    model = other.load_model()
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    other.save_model(model, other.load_spec())
    with pytest.warns(UserWarning, match="exported to"):
        Recognizer.load(other.path, engine="onnxruntime")
    assert len(list((other.path / "engines").iterdir())) == 2


def test_a_file_of_a_fixed_number_of_clips_takes_any(run: Run, folder: Path, tmp_path: Path) -> None:
    fixed = write_run(tmp_path / "fixed", SPEC)
    export_run(fixed.path, clips=2, frames=4)
    clips = [folder] * 3
    expected = Recognizer.load(fixed.path).batch(clips)
    for one, other in zip(Recognizer.load(fixed.path, engine="onnxruntime").batch(clips), expected, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, rtol=0, atol=1e-4 * float(np.ptp(other.logits)))


@pytest.mark.parametrize("clips", [None, 1, 3, 8])
def test_views_pass_a_file_in_parts(clips: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_engine, "FRAMES_AT_ONCE", 10)
    sizes: list[int] = []

    def network(frames: torch.Tensor) -> torch.Tensor:
        sizes.append(len(frames))
        return frames.float().mean((2, 3, 4))

    engine = FileEngine(name="aoti", precision="fp32", classes=4, run=network, clips=clips)
    frames = torch.randint(256, (5, 2, 4, 3, 2, 2), dtype=torch.uint8)
    torch.testing.assert_close(engine(frames), frames.float().mean((3, 4, 5)))
    assert set(sizes) == {clips or 2}
    assert engine(frames[:0]).shape == (0, 2, 4)


def test_it_is_evaluated_like_any_network_and_a_temperature_of_another_precision_is_told(
    run: Run, tmp_path: Path
) -> None:
    write_clips(tmp_path / "clips")
    options: dict[str, Any] = {"manifest": tmp_path / "clips" / "manifest.csv", "loading": IN_PROCESS}
    cpu = torch.device("cpu")
    expected, _ = evaluate(run, **options, forward=Forward(device=cpu))
    found, _ = evaluate(run, **options, forward=Forward(device=cpu, engine="onnxruntime"))
    np.testing.assert_allclose(found.logits, expected.logits, rtol=0, atol=1e-4 * float(np.ptp(expected.logits)))
    assert found.provenance.engine == "onnxruntime"
    figures = dict.fromkeys(("nll_before", "nll_after", "ece_before", "ece_after"), 0.5)
    calibration = Calibration(
        temperature=2.5, fitted_on=5, tried_on=5, bins=15, seed=0, provenance=found.provenance, **figures
    )
    calibration.save(run.calibration_path)
    assert Recognizer.load(run.path, calibrated=True).temperature == 2.5
    with pytest.warns(UserWarning, match="which differs in precision"):
        Recognizer.load(run.path, calibrated=True, precision="bf16")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "tensorflow"}, "there is no engine 'tensorflow'; there are torch, onnxruntime, openvino, aoti"),
        ({"engine": "onnxruntime", "precision": "bf16"}, "onnxruntime computes in fp32 or int8, and not in bf16"),
        ({"precision": "int8"}, "torch computes in fp32, bf16 or fp16, and not in int8; int8 is for onnxruntime or op"),
        ({"engine": "onnxruntime", "device": "meta"}, "runs on the CPU here, not on meta"),
        ({"engine": "onnxruntime", "precision": "int8"}, r"model\.int8\.onnx is not there: write it with `recircle ex"),
    ],
)
def test_what_an_engine_cannot_do_is_one_sentence(options: dict[str, Any], words: str, run: Run) -> None:
    with pytest.raises(UserError, match=words):
        Recognizer.load(run.path, **options)


@pytest.mark.parametrize(("engine", "extra"), [("onnxruntime", "export"), ("openvino", "openvino")])
def test_an_engine_that_is_not_installed_is_named(
    engine: EngineName, extra: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, engine, None)
    with pytest.raises(UserError, match=rf'engine {engine} does not load .*: pip install "recircle\[{extra}\]"'):
        Recognizer.load(run.path, engine=engine)


def test_predict_takes_an_engine(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", str(run.path), str(folder), "--json"]
    assert main(words) == 0
    expected = capsys.readouterr().out
    assert main([*words, "--engine", "onnxruntime"]) == 0
    found = capsys.readouterr().out
    assert ", in onnxruntime" in found
    assert found.partition('"probability"')[0] == expected.partition('"probability"')[0]
    assert main([*words, "--engine", "aoti", "--precision", "int8"]) == 2
    assert "aoti computes in fp32, and not in int8" in capsys.readouterr().err
