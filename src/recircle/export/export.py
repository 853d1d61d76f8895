"""From a run to an exported file: captured, written, read back, compared, and only then put in its place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

import torch
from torch import Tensor

from recircle.arc.fewer_steps import fewer_steps
from recircle.config import to_json
from recircle.errors import UserError
from recircle.export import facts
from recircle.export.facts import Facts, Shape
from recircle.export.formats import FORMATS, Format
from recircle.export.network import ExportedNetwork, capture
from recircle.export.online import OnlineNetwork, StateEntry, capture_step, run_through, state_json
from recircle.export.parity import Logits, Parity, compare
from recircle.files import atomic_write, writing
from recircle.models.base import VideoModel
from recircle.models.digest import digest_of
from recircle.run import ModelSpec, Run

Stage = Callable[[str], object]
"""Called with what is done next, in words."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file that was written and found to compute what the run's network does.

    Attributes:
        path: the file.
        shape: of the frames that it takes.
        classes: K.
        parity: how its logits compare with those of the run's network.
        state: what it takes beside a frame and returns for the next, by name; nothing where it takes whole clips.
    """

    path: Path
    shape: Shape
    classes: int
    parity: Parity
    state: Mapping[str, StateEntry] = field(default_factory=dict)


def export_run(
    run: str | Path,
    format: Format = "onnx",  # noqa: A002
    output: str | Path | None = None,
    *,
    clips: int | None = None,
    frames: int | None = None,
    online: bool = False,
    steps: int | None = None,
    stage: Stage = lambda _: None,
) -> Exported:
    """Write a run's network as one file: uint8 frames [B, T, 3, H, W] in, logits [B, K] out, any B and T.

    Devices often want every shape to be known: `clips` and `frames` write B and T into the file. Of a network of 2-D
    convolutions, what is behind its input has at most four dimensions.

    A causal network may run frame by frame instead: uint8 frames [B, 3, H, W] and a state in, logits [B, K] of
    the video so far and the next state out. The file says under "state.json" what the state consists of.

    The file is read back and compared with the run's network on random clips; a file that differs by more than rounding
    (see `Parity.tolerance`) is not left behind, and a file of that name stays as it was.

    Args:
        run: the folder that training wrote, or `hf:OWNER/NAME` of one that was pushed.
        format: "onnx"; "torch" for a file of `torch.export`; "aoti" for one of machine code, compiled for this kind of
            machine; or "executorch" for small devices.
        output: the file; None is model.onnx, model.pt2, model.aoti.pt2 or model.pte in the run's folder, and
            model.online.onnx and so on of what runs frame by frame, model.n2.onnx of two steps.
        clips: B; None is any, and 1 for ExecuTorch, whose files have one shape.
        frames: T; None is any that the network takes, and for ExecuTorch the number that the run samples.
        online: run frame by frame.
        steps: recursive steps n of ARC layers, see `recircle.set_steps`; None is as many as they learned.
        stage: called with what is done next.

    Raises:
        UserError: the folder holds no trained model, `online` is asked of one that is not causal, it cannot run in so
            many steps, or `frames` are not as many as it takes; packages or a compiler are missing, the file cannot be
            written, or its network computes something else than the run's.
    """
    kind = FORMATS[format]
    folder = Run.open(run)
    if online and (clips, frames) != (None, None):
        raise UserError("what runs frame by frame takes one frame of any number of videos; leave out clips and frames")
    if online and kind.FIXED:
        raise UserError(f"files in the format {format} take whole clips; leave out online, or use another format")
    spec, model = folder.load_spec(), folder.load_model(steps=steps)
    usual = folder.path / file_name(kind.SUFFIX, steps=fewer_steps(model), online=online)
    path = usual if output is None else Path(output)
    check_output(path, format, kind.SUFFIX)
    kind.require()
    if kind.FIXED:
        clips = 1 if clips is None else clips
        frames = spec.sampling.frames if frames is None else frames
    shape = Shape(size=spec.preprocessing.crop_size, clips=clips, frames=frames)
    return export_network(model, spec, path, format, shape=shape, online=online, stage=stage)


def export_network(
    model: VideoModel,
    spec: ModelSpec,
    path: Path,
    format: Format,  # noqa: A002
    *,
    shape: Shape,
    online: bool = False,
    stage: Stage = lambda _: None,
) -> Exported:
    """Write a network of a run as a file, as `export_run` does.

    Args:
        model: the network, perhaps with fewer steps than it learned.
        spec: of the run.
        path: the file.
        format: of the file.
        shape: of what it takes, where that is no state.
        online: run frame by frame.
        stage: called with what is done next.

    Raises:
        UserError: as there.
    """
    kind = FORMATS[format]
    shape.check(model)
    stage("capturing the network")
    metadata, entries = {"model.json": to_json(spec)}, dict[str, StateEntry]()
    if online:
        network = OnlineNetwork(model, spec.preprocessing)
        program, entries = capture_step(network), network.entries
        metadata["state.json"] = state_json(entries)
    else:
        program = capture(ExportedNetwork(model, spec.preprocessing), shape)
        metadata[facts.NAME] = to_json(Facts(weights=digest_of(model), shape=shape, steps=fewer_steps(model)))
    parity: Parity | None = None

    def write(temporary: Path) -> None:
        nonlocal parity
        stage(f"{kind.WORK} it to {path.name}")
        kind.write(program, metadata, temporary, tuple(entries))
        stage("comparing it with the run's network")
        exported = run_through(kind.load_step(temporary), entries) if online else kind.load(temporary)
        parity = _check(model, exported, spec, path, shape, online=online)

    atomic_write(path, write)
    assert parity is not None
    return Exported(path=path, shape=shape, classes=len(spec.labels), parity=parity, state=entries)


def file_name(suffix: str, *, steps: int | None = None, online: bool = False, precision: str = "fp32") -> str:
    """Return what a file is called in the folder of its run, where engines look for those of whole clips.

    Args:
        suffix: of the format.
        steps: recursive steps, where they are fewer than were learned.
        online: whether it runs frame by frame.
        precision: of its numbers.
    """
    parts = [".online" * online, "" if steps is None else f".n{steps}", "" if precision == "fp32" else f".{precision}"]
    return f"model{''.join(parts)}{suffix}"


def check_output(path: Path, format: Format, suffix: str) -> None:  # noqa: A002
    """Refuse a file that cannot be written, before the time for it is spent.

    Raises:
        UserError: it is a folder, lies in none, or its name ends in another suffix.
    """
    if not path.name.endswith(suffix):
        raise UserError(f"output {path}: the format {format} has files that end in {suffix}; change one of the two")
    if path.is_dir():
        raise UserError(f"output {path} is a folder; give the name of a file")
    with writing(path), TemporaryFile(dir=path.parent):
        pass


def _check(model: VideoModel, exported: Logits, spec: ModelSpec, path: Path, shape: Shape, *, online: bool) -> Parity:
    def expected(frames: Tensor) -> Tensor:
        clips = spec.preprocessing.normalise(frames)
        with torch.inference_mode():
            return model.forward_prefixes(clips).flatten(0, 1) if online else model(clips)

    parity = compare(expected, exported, _shapes(model, spec.sampling.frames, shape), shape.size)
    if not parity.holds:
        raise UserError(
            f"{path} is not written: its logits differ from those of the run's network by up to "
            f"{parity.difference:.2g}, where {parity.tolerance:.2g} is rounding; try the other --format, and report it"
        )
    return parity


def _shapes(model: VideoModel, usual: int, shape: Shape) -> list[tuple[int, int]]:
    """Return (B, T) of the batches to compare on: several, so that clips differ where each is a batch."""
    if shape.clips is not None and shape.frames is not None:
        return [(shape.clips, shape.frames)] * 3
    if shape.frames is not None:
        return [(1, shape.frames), (3, shape.frames)]
    shapes = [(1, usual), (2, usual)]
    if model.max_frames is None:
        shapes += [(1, 2 * usual), (3, max(model.min_frames, model.frame_multiple))]
    return [(shape.clips or batch, frames) for batch, frames in shapes]
