"""A run as a file in int8: calibrated on clips of its training, measured on clips that it was not trained on."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from recircle.arc.fewer_steps import fewer_steps
from recircle.config import to_json
from recircle.decode.error import DecodeError
from recircle.decode.limits import CLIP_SECONDS
from recircle.engines import onnxruntime_engine
from recircle.engines.file_engine import FileEngine
from recircle.errors import UserError
from recircle.evaluation.comparison import PairedComparison, compare_paired
from recircle.evaluation.estimate import Estimate
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.forward import Forward
from recircle.export import facts, int8, onnx_model
from recircle.export.export import check_output, export_network, file_name
from recircle.export.facts import Facts, Shape
from recircle.files import atomic_write
from recircle.inference.clip_paths import clips_named
from recircle.inference.decoding import decode_ahead
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Manifest
from recircle.run import Run
from recircle.views.views import EvalViews

CLIPS = 64
"""Clips that ranges are taken from, at most: more change them little, and cost time and memory."""


@dataclass(frozen=True, kw_only=True)
class Int8:
    """A file in int8, and what it cost.

    Attributes:
        path: the file.
        shape: of the frames that it takes.
        calibrated_on: how many clips gave the ranges.
        source: which, in words.
        bytes_before: size of the same file in fp32.
        before: top-1 of the run, in as many steps, on the clips that it held out; None where they are not there.
        after: top-1 of the file.
        paired: the two compared clip by clip.
        unmeasured: why there is no accuracy, if there is none.
    """

    path: Path
    shape: Shape
    calibrated_on: int
    source: str
    bytes_before: int
    before: Estimate | None = None
    after: Estimate | None = None
    paired: PairedComparison | None = None
    unmeasured: str = ""


def export_int8(
    run: str | Path,
    output: Path | None = None,
    *,
    calibrate: Path | None = None,
    clips: int | None = None,
    frames: int | None = None,
    steps: int | None = None,
    stage: Callable[[str], object] = lambda _: None,
) -> Int8:
    """Write a run's network as an ONNX file in int8, and measure what that does to its accuracy.

    Args:
        run: the folder that training wrote, or `hf:OWNER/NAME` of one that was pushed.
        output: the file; None is model.int8.onnx in the run's folder, of two steps model.n2.int8.onnx, where engines
            find it.
        calibrate: a manifest, whose training clips are taken, or a clip or folder of clips; None takes the training
            clips of the run's own manifest.
        clips: B; None is any.
        frames: T; None is any that the network takes.
        steps: recursive steps n of ARC layers, see `recircle.set_steps`; None is as many as they learned.
        stage: called with what is done next.

    Raises:
        UserError: as `export_run`; or there are no clips to calibrate on.
    """
    onnx_model.require()
    int8.require()
    folder = Run.open(run)
    spec, model = folder.load_spec(), folder.load_model(steps=steps)
    usual = folder.path / file_name(onnx_model.SUFFIX, steps=fewer_steps(model), precision="int8")
    path = usual if output is None else output
    if not path.name.endswith(onnx_model.SUFFIX):
        raise UserError(f"output {path}: files in int8 are ONNX files and end in {onnx_model.SUFFIX}; change the name")
    check_output(path, "onnx", onnx_model.SUFFIX)
    shape = Shape(size=spec.preprocessing.crop_size, clips=clips, frames=frames)
    if frames not in (None, spec.sampling.frames):
        raise UserError(f"frames={frames}: it is calibrated on clips of {spec.sampling.frames}, as the run samples")
    paths, source = _calibration_clips(folder, calibrate)
    stage("decoding clips to calibrate on")
    views = EvalViews(sampling=spec.sampling, preprocessing=spec.preprocessing)
    decoded = decode_ahead(paths, views, seconds=CLIP_SECONDS, workers=2)
    found = [clip[:1].numpy() for _, clip in decoded if not isinstance(clip, DecodeError)]
    if not found:
        raise UserError(f"none of the {len(paths)} clips to calibrate on ({source}) can be decoded")
    batches = [np.concatenate([found[(k + n) % len(found)] for n in range(clips or 1)]) for k in range(len(found))]
    with tempfile.TemporaryDirectory(prefix="recircle-") as temporary:
        plain = Path(temporary, "model.onnx")
        exported = export_network(model, spec, plain, "onnx", shape=shape, stage=stage)
        bytes_before = plain.stat().st_size
        stage("quantising it")
        told = Facts.read(onnx_model.read_texts(plain), str(plain))
        assert told is not None
        texts = {"model.json": to_json(spec), facts.NAME: to_json(replace(told, precision="int8"))}
        atomic_write(path, lambda part: int8.quantise(plain, part, batches, texts))
    result = Int8(path=path, shape=exported.shape, calibrated_on=len(found), source=source, bytes_before=bytes_before)
    stage("measuring it")
    return _measured(result, folder, len(spec.labels), steps)


def _measured(result: Int8, run: Run, classes: int, steps: int | None) -> Int8:
    forward = Forward(device=torch.device("cpu"), steps=steps)
    network = onnxruntime_engine.load(result.path, torch.get_num_threads())
    engine = FileEngine(name="onnxruntime", precision="int8", classes=classes, run=network, clips=result.shape.clips)
    try:
        before, figures = evaluate(run, skip_broken=True, forward=forward)
    except UserError as problem:
        return replace(result, unmeasured=str(problem))
    after, others = evaluate(run, skip_broken=True, forward=forward, engine=engine)
    return replace(result, before=figures.top1, after=others.top1, paired=compare_paired(after, before))


def _calibration_clips(run: Run, calibrate: Path | None) -> tuple[list[Path], str]:
    """Return clips, evenly from all that there are, and which they are in words.

    Raises:
        UserError: there are none.
    """
    config = run.load_config(DataConfig, "data") if run.config_path.is_file() else None
    if calibrate is None and (config is None or config.dataset or not config.manifest.is_file()):
        raise UserError(
            f"the clips that {run.path} was trained on are not there: give clips to calibrate on, a manifest or a "
            "folder (--calibrate)"
        )
    path = calibrate
    if calibrate is None:
        assert config is not None
        table, part = config.split(Manifest.read(config.manifest))[0], "training clips"
        path = config.manifest
    elif calibrate.suffix in _MANIFESTS or (calibrate / "manifest.csv").is_file():
        whole = Manifest.read(calibrate)
        trained = any(clip.split == "train" for clip in whole.clips)
        table, part = (whole.select("train"), "training clips") if trained else (whole, "clips")
    else:
        table, part = None, "clips"
    found = (
        list(clips_named([str(calibrate)]))
        if table is None
        else [table.address(clip) for clip in table.clips if clip.status != "broken"]
    )
    if not found:
        raise UserError(f"{path} has no clips to calibrate on")
    places = sorted({round(place) for place in np.linspace(0, len(found) - 1, CLIPS)})
    return [found[place] for place in places], f"{part} of {path}"


_MANIFESTS = (".csv", ".jsonl", ".parquet")
