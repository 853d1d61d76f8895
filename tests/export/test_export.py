"""A run as one file: it needs nothing beside it, computes what the run does, and is there whole or not at all."""

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import recircle
import recircle.export as package
from recircle.config import from_json
from recircle.errors import UserError
from recircle.export import Exported, Format, Shape, export_run, onnx_model, torch_program
from recircle.export.network import ExportedNetwork, capture
from recircle.export.parity import Logits, random_clips
from recircle.inference.recognizer import Recognizer
from recircle.models.registry import ModelConfig
from recircle.run import ModelSpec, Run
from recircle.views.preprocessing import Preprocessing
from tests.small_run import SPEC, write_frames, write_run

FORMATS: tuple[Format, ...] = ("onnx", "torch")
# neither square nor one size both ways, so that no two numbers can be mixed up
WIDE = replace(SPEC, preprocessing=Preprocessing(resize=36, crop=(32, 40), mean=(0.5, 0.4, 0.3), channels="bgr"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run", WIDE)


@pytest.fixture(scope="module")
def exported(run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[Format, Exported]:
    """Both files, alone in a folder."""
    folder = tmp_path_factory.mktemp("exported")
    return {
        "onnx": export_run(run.path, "onnx", folder / "model.onnx"),
        "torch": export_run(run.path, "torch", folder / "model.pt2"),
    }


@pytest.fixture(scope="module", params=FORMATS)
def each(request: pytest.FixtureRequest, exported: dict[Format, Exported]) -> tuple[Exported, Logits]:
    """Each file, and the network read from it."""
    load = {"onnx": onnx_model.load, "torch": torch_program.load}[request.param]
    return exported[request.param], load(exported[request.param].path)


@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (1, 4), (3, 7), (2, 16)])
def test_the_file_computes_what_the_run_does(batch: int, frames: int, each: tuple[Exported, Logits], run: Run) -> None:
    clips = random_clips(batch, frames, (32, 40), torch.Generator().manual_seed(7))
    with torch.no_grad():
        expected = run.load_model()(WIDE.preprocessing.normalise(clips))
    torch.testing.assert_close(each[1](clips), expected, rtol=1e-5, atol=1e-4)


def test_what_was_compared_is_told(each: tuple[Exported, Logits]) -> None:
    result = each[0]
    assert (str(result.shape), result.classes) == ("[B, T, 3, 32, 40]", 3)
    assert result.parity.shapes == ((1, 4), (2, 4), (1, 8), (3, 1))
    assert result.parity.holds
    assert result.parity.spread > 0.1


def test_the_onnx_file_describes_itself(exported: dict[Format, Exported]) -> None:
    import onnx
    import onnxruntime

    path = exported["onnx"].path
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session: Any = onnxruntime.InferenceSession(path)
    (given,), (returned,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape) == ("frames", "tensor(uint8)", ["B", "T", 3, 32, 40])
    assert (returned.name, returned.type, returned.shape) == ("logits", "tensor(float)", ["B", 3])
    text = session.get_modelmeta().custom_metadata_map["model.json"]
    assert from_json(ModelSpec, text) == WIDE


def test_the_torch_file_describes_itself(exported: dict[Format, Exported]) -> None:
    extra: Any = {"model.json": ""}
    program = torch.export.load(exported["torch"].path, extra_files=extra)
    assert from_json(ModelSpec, extra["model.json"]) == WIDE
    (name,) = program.graph_signature.user_inputs
    assert name == "frames"


def test_the_files_are_alone_and_name_no_folder_of_this_machine(exported: dict[Format, Exported]) -> None:
    folder = exported["onnx"].path.parent
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "model.pt2"]
    with zipfile.ZipFile(folder / "model.pt2") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    source = str(Path(recircle.__file__).parent).encode()
    for everything in (content, (folder / "model.onnx").read_bytes()):
        assert b"push right" in everything
        assert source not in everything


def code_blocks() -> list[str]:
    assert package.__doc__ is not None
    return [block.partition("```")[0] for block in package.__doc__.split("```python\n")[1:]]


def test_the_documented_code_recognises_what_the_run_does(
    exported: dict[Format, Exported], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(exported["onnx"].path.parent)
    for number, frames in enumerate((4, 11)):
        clip = write_frames(tmp_path / f"clip{number}", frames, seed=number, size=(60, 90))
        code: dict[str, Any] = {}
        exec(code_blocks()[0], code)
        scores = code["recognise"]([Image.open(path).convert("RGB") for path in sorted(clip.iterdir())])
        assert tuple(scores) == WIDE.labels
        logits = Recognizer.load(run.path, "cpu")(clip).logits[0]
        # two libraries resize alike but for rounding to whole colours
        np.testing.assert_allclose(list(scores.values()), logits, atol=0.02 * np.ptp(logits))


def test_the_documented_code_runs_without_this_package(exported: dict[Format, Exported], run: Run) -> None:
    frames = "torch.arange(4 * 3 * 32 * 40).view(1, 4, 3, 32, 40).to(torch.uint8)"
    program = "\n".join(
        [
            "import sys",
            "sys.modules['recircle'] = None",
            code_blocks()[0],
            "import torch",
            f"frames = {frames}",
            code_blocks()[1],
            "(others,) = session.run(['logits'], {'frames': frames.numpy()})",
            "print(json.dumps([logits[0].tolist(), others[0].tolist(), json.loads(extra['model.json'])['labels']]))",
        ]
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=exported["onnx"].path.parent, capture_output=True, text=True, check=True)
    with_torch, with_onnx, labels = json.loads(done.stdout)
    with torch.no_grad():
        (expected,) = run.load_model()(WIDE.preprocessing.normalise(eval(frames))).tolist()
    np.testing.assert_allclose(with_torch, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(with_onnx, expected, rtol=1e-4, atol=1e-4)
    assert tuple(labels) == WIDE.labels


def test_a_file_that_computes_something_else_is_not_left_behind(
    exported: dict[Format, Exported], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def capture_another(network: ExportedNetwork, shape: Shape) -> torch.export.ExportedProgram:
        network.model.get_parameter("fc.weight").data[1] *= 1.001
        return capture(network, shape)

    path = Path(shutil.copy(exported["torch"].path, tmp_path))
    before = path.read_bytes()
    monkeypatch.setattr("recircle.export.export.capture", capture_another)
    with pytest.raises(UserError, match=r"model\.pt2 is not written: its logits differ .* by up to 0\.0\d+, where"):
        export_run(run.path, "torch", path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", replace(SPEC, model=ModelConfig(name="tsn_resnet18", width=8)))
    path = run.path / "model.pt2"
    path.write_text("an older file")
    stages: list[str] = []
    assert export_run(run.path, "torch", stage=stages.append).path == path
    assert [stage.split()[0] for stage in stages] == ["capturing", "translating", "comparing"]
    assert zipfile.is_zipfile(path)
    assert sorted(file.name for file in run.path.iterdir()) == ["model.json", "model.pt2", "model.safetensors"]


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_missing_packages_are_named_before_anything_is_done(
    missing: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr("recircle.export.export.capture", lambda network: pytest.fail("captured"))
    with pytest.raises(UserError, match=rf'needs the package {missing}, .*: pip install "recircle\[export\]"'):
        export_run(run.path, "onnx")
    assert not (run.path / "model.onnx").exists()


def test_where_a_file_cannot_be_written_nothing_is_done(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recircle.export.export.capture", lambda network: pytest.fail("captured"))
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").write_text("")
    for output, words in (
        ("folder.onnx", "is a folder; give the name of a file"),
        ("gone/model.onnx", "cannot be written: No such file or directory; its folder is not there"),
        ("file/model.onnx", "cannot be written: Not a directory"),
        ("model.pt2", r"the format onnx has files that end in \.onnx"),
    ):
        with pytest.raises(UserError, match=words):
            export_run(run.path, "onnx", tmp_path / output)
    with pytest.raises(UserError, match="holds no trained model"):
        export_run(tmp_path, "onnx")


def test_a_full_disk_is_a_user_error(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(program: object, metadata: object, path: Path, outputs: tuple[str, ...]) -> None:
        path.write_text("a part")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("recircle.export.export.capture", lambda network, shape: None)
    monkeypatch.setattr(torch_program, "write", write)
    with pytest.raises(UserError, match=r"model\.pt2 cannot be written: No space left on device; free some space"):
        export_run(run.path, "torch", tmp_path / "model.pt2")
    assert list(tmp_path.iterdir()) == []
