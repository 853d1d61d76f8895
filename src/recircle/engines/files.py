"""The exported file that an engine runs: one that the run has already, or else one that is written now."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from recircle.arc.fewer_steps import fewer_steps
from recircle.config import from_json
from recircle.engines.engine import EngineName, Precision
from recircle.errors import UserError
from recircle.export.export import export_network, file_name
from recircle.export.facts import Facts, Shape
from recircle.export.formats import FORMATS, Format
from recircle.files import make_folder
from recircle.models.base import VideoModel
from recircle.models.digest import digest_of
from recircle.run import ModelSpec, Run

FORMAT_OF: dict[EngineName, Format] = {"onnxruntime": "onnx", "openvino": "onnx", "aoti": "aoti"}
FOLDER = "engines"
"""Of a run: files that were written for engines, each named after what it holds."""


@dataclass(frozen=True, kw_only=True)
class EngineFile:
    """A file that an engine can run.

    Attributes:
        path: the file.
        shape: of what it takes.
    """

    path: Path
    shape: Shape


def file_for(
    name: EngineName, run: Run, model: VideoModel, spec: ModelSpec, *, size: tuple[int, int], precision: Precision
) -> EngineFile:
    """Return the file of a run for an engine.

    That is RUN/model.onnx (model.int8.onnx, model.aoti.pt2, model.n2.onnx of two steps), where it holds these weights
    and takes what the recogniser has; else one in RUN/engines, which is written if it is not there, and a warning says
    so.

    Args:
        name: of the engine.
        run: the run.
        model: its network, perhaps in fewer steps than it learned.
        spec: of the run.
        size: (H, W) of the views.
        precision: what the engine computes in.

    Raises:
        UserError: a file in int8 is wanted, which only `recircle export` writes; or the file cannot be written.
    """
    format_ = FORMAT_OF[name]
    kind = FORMATS[format_]
    stored = "int8" if precision == "int8" else "fp32"
    wanted = Facts(weights=digest_of(model), shape=Shape(size=size), steps=fewer_steps(model), precision=stored)
    usual = run.path / file_name(kind.SUFFIX, steps=wanted.steps, precision=stored)
    why = "is not there"
    if usual.is_file():
        found, why = _fits(usual, format_, wanted, spec)
        if found is not None:
            return EngineFile(path=usual, shape=found)
    if stored == "int8":
        fewer = "" if wanted.steps is None else f" --steps {wanted.steps}"
        raise UserError(f"{usual} {why}: write it with `recircle export {run.path} --precision int8{fewer}`")
    parts = [wanted.weights, f"{size[0]}x{size[1]}", *[f"n{wanted.steps}"] * (wanted.steps is not None)]
    own = run.path / FOLDER / f"{'-'.join(parts)}{kind.SUFFIX}"
    if not own.is_file() or _fits(own, format_, wanted, spec)[0] is None:
        kind.require()
        try:
            make_folder(own.parent)
        except UserError as problem:
            raise UserError(
                f"the engine {name} keeps its file with the run, and {usual} {why}: {problem}; or copy the run to "
                "where files can be written"
            ) from None
        export_network(model, spec, own, format_, shape=wanted.shape)
        warnings.warn(f"{usual} {why}, so the network was exported to {own}, which is used from now on", stacklevel=4)
    return EngineFile(path=own, shape=wanted.shape)


def _fits(path: Path, format_: Format, wanted: Facts, spec: ModelSpec) -> tuple[Shape | None, str]:
    """Return what a file takes if it is what is wanted, and else why it is not."""
    try:
        texts = FORMATS[format_].read_texts(path)
        facts = Facts.read(texts, str(path))
        told = from_json(ModelSpec, texts["model.json"], source=path) if facts is not None else None
    except UserError:
        return None, "is of another version"
    except Exception as error:  # each engine has errors of its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return None, f"cannot be read ({reason[:100]})"
    if facts is None or told is None:
        return None, "does not say which weights it holds"
    if facts.steps != wanted.steps:
        return None, f"computes in {_steps(facts)}, not in {_steps(wanted)}"
    if facts.precision != wanted.precision:
        return None, f"is in {facts.precision}, not in {wanted.precision}"
    if facts.weights != wanted.weights:
        return None, "holds other weights"
    if told.preprocessing != spec.preprocessing:
        return None, "has another preprocessing"
    if facts.shape.size != wanted.shape.size or facts.shape.frames not in (None, spec.sampling.frames):
        return None, f"takes frames {facts.shape}"
    return facts.shape, ""


def _steps(facts: Facts) -> str:
    return "as many steps as were learned" if facts.steps is None else f"{facts.steps} steps"
