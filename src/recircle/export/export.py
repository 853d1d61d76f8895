"""From a run to an exported file: captured, written, read back, compared, and only then put in its place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal, Protocol

import torch
from torch import Tensor

from recircle.config import to_json
from recircle.errors import UserError
from recircle.export import compiled_program, onnx_model, torch_program
from recircle.export.network import ExportedNetwork, capture
from recircle.export.online import OnlineNetwork, StateEntry, StepFunction, capture_step, run_through, state_json
from recircle.export.parity import Logits, Parity, compare
from recircle.files import atomic_write, writing
from recircle.models.base import VideoModel
from recircle.run import ModelSpec, Run

Format = Literal["onnx", "torch", "aoti"]
Stage = Callable[[str], object]
"""Called with what is done next, in words."""


class _FileFormat(Protocol):
    SUFFIX: str

    def require(self) -> None: ...
    def write(
        self, program: torch.export.ExportedProgram, metadata: dict[str, str], path: Path, state: Sequence[str] = ()
    ) -> None: ...
    def load(self, path: Path) -> Logits: ...
    def load_step(self, path: Path) -> StepFunction: ...


_FORMATS: dict[Format, _FileFormat] = {"onnx": onnx_model, "torch": torch_program, "aoti": compiled_program}


_WORK: dict[Format, str] = {"onnx": "translating", "torch": "translating", "aoti": "compiling"}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file that was written and found to compute what the run's network does.

    Attributes:
        path: the file.
        size: of the frames that it takes, (height, width).
        classes: K.
        parity: how its logits compare with those of the run's network.
        state: what it takes beside a frame and returns for the next, by name; nothing where it takes whole clips.
    """

    path: Path
    size: tuple[int, int]
    classes: int
    parity: Parity
    state: Mapping[str, StateEntry] = field(default_factory=dict)


def export_run(
    run: str | Path,
    format: Format = "onnx",  # noqa: A002
    output: str | Path | None = None,
    *,
    online: bool = False,
    stage: Stage = lambda _: None,
) -> Exported:
    """Write a run's network as one file: uint8 frames [B, T, 3, H, W] in, logits [B, K] out, any B and T.

    That of a causal network may run frame by frame instead: uint8 frames [B, 3, H, W] and a state in, logits [B, K] of
    the video so far and the next state out. The file says under "state.json" what the state consists of.

    The file is read back and compared with the run's network on random clips; a file that differs by more than rounding
    (see `Parity.tolerance`) is not left behind, and a file of that name stays as it was.

    Args:
        run: the folder that training wrote, or `hf:OWNER/NAME` of one that was pushed.
        format: "onnx"; "torch" for a file of `torch.export`; or "aoti" for one of machine code, compiled for this kind
            of machine.
        output: the file; None is model.onnx, model.pt2 or model.aoti.pt2 in the run's folder, and model.online.onnx
            and so on of what runs frame by frame.
        online: run frame by frame.
        stage: called with what is done next.

    Raises:
        UserError: the folder holds no trained model, or `online` is asked of one that is not causal; packages or a
            compiler are missing, the file cannot be written, or its network computes something else than the run's.
    """
    kind = _FORMATS[format]
    folder = Run.open(run)
    path = folder.path / f"model{'.online' * online}{kind.SUFFIX}" if output is None else Path(output)
    _check_output(path, format, kind.SUFFIX)
    kind.require()
    spec, model = folder.load_spec(), folder.load_model()

    stage("capturing the network")
    metadata, entries = {folder.spec_path.name: to_json(spec)}, dict[str, StateEntry]()
    if online:
        network = OnlineNetwork(model, spec.preprocessing)
        program, entries = capture_step(network), network.entries
        metadata["state.json"] = state_json(entries)
    else:
        program = capture(ExportedNetwork(model, spec.preprocessing))
    parity: Parity | None = None

    def write(temporary: Path) -> None:
        nonlocal parity
        stage(f"{_WORK[format]} it to {path.name}")
        kind.write(program, metadata, temporary, tuple(entries))
        stage("comparing it with the run's network")
        exported = run_through(kind.load_step(temporary), entries) if online else kind.load(temporary)
        parity = _check(model, exported, spec, path, online=online)

    atomic_write(path, write)
    assert parity is not None
    size, classes = spec.preprocessing.crop_size, len(spec.labels)
    return Exported(path=path, size=size, classes=classes, parity=parity, state=entries)


def _check_output(path: Path, format: Format, suffix: str) -> None:  # noqa: A002
    """Refuse a file that cannot be written, before the time for it is spent."""
    if not path.name.endswith(suffix):
        raise UserError(f"output {path}: the format {format} has files that end in {suffix}; change one of the two")
    if path.is_dir():
        raise UserError(f"output {path} is a folder; give the name of a file")
    with writing(path), TemporaryFile(dir=path.parent):
        pass


def _check(model: VideoModel, exported: Logits, spec: ModelSpec, path: Path, *, online: bool) -> Parity:
    def expected(frames: Tensor) -> Tensor:
        clips = spec.preprocessing.normalise(frames)
        with torch.inference_mode():
            return model.forward_prefixes(clips).flatten(0, 1) if online else model(clips)

    frames = spec.sampling.frames
    shapes = [(1, frames), (2, frames)]
    if model.max_frames is None:
        shapes += [(1, 2 * frames), (3, max(model.min_frames, model.frame_multiple))]
    parity = compare(expected, exported, shapes, spec.preprocessing.crop_size)
    if not parity.holds:
        raise UserError(
            f"{path} is not written: its logits differ from those of the run's network by up to "
            f"{parity.difference:.2g}, where {parity.tolerance:.2g} is rounding; try the other --format, and report it"
        )
    return parity
