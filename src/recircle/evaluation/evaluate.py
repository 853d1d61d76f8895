"""A trained run on labelled clips: predictions of every view, saved once."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from recircle.arc.fewer_steps import fewer_steps
from recircle.engines.engine import Engine
from recircle.engines.load import load_engine
from recircle.errors import UserError
from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.forward import Forward
from recircle.evaluation.machine import Machine
from recircle.evaluation.measure import Metrics, measure
from recircle.evaluation.predict import Progress, ViewLogits, predict_by
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import ClipSource, Provenance
from recircle.loading.batch import BrokenClip
from recircle.loading.config import DataConfig
from recircle.loading.dataset import DatasetClips
from recircle.loading.loaders import EvalLoader
from recircle.loading.options import Loading, Shard
from recircle.manifest.manifest import Manifest
from recircle.manifest.outside import warn_outside
from recircle.run import ModelSpec, Run
from recircle.views.views import EvalViews

DEFAULT_LOADING = Loading(batch_size=4, workers=2)

LISTED = 20
"""Broken clips that an error names, of all that it counts."""


def evaluate(
    run: Run,
    *,
    manifest: Path | None = None,
    split: str | None = None,
    protocol: Protocol | None = None,
    skip_broken: bool = False,
    loading: Loading = DEFAULT_LOADING,
    forward: Forward | None = None,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    progress: Progress | None = None,
    model: nn.Module | None = None,
    dataset: DatasetClips | None = None,
    engine: Engine | None = None,
) -> tuple[Predictions, Metrics]:
    """Run a trained network over labelled clips; return its predictions, unsaved, and what they measure.

    Args:
        run: the trained run.
        manifest: the clips; None takes the manifest that the run was trained with.
        split: only the clips of this split, or "all". None takes the clips that training evaluated on; of a manifest
            without training clips its split "val" or "test", or all clips where it names no splits.
        protocol: views and fusion; None takes those of training.
        skip_broken: leave out clips that cannot be decoded, and name them in the result, instead of failing.
        loading: how clips are read; the views of a batch pass the network in parts that bound its memory.
        forward: how the network is run; None is in fp32, on the first GPU or the CPU, on frames as they are.
        bootstrap: of the metrics' intervals.
        progress: called with (clips done, clips in all) after each batch.
        model: a network like the one that `recircle.train` was given as an object, see `Run.load_model`.
        dataset: the clips, in the place of a manifest's; their split is not asked for.
        engine: runs the network in the place of the one that `forward` names.

    Raises:
        UserError: files are missing; no clip has a class that the run knows; clips cannot be decoded and `skip_broken`
            is off; decoded frames cannot be kept in the cache.
    """
    forward = forward or Forward()
    spec = run.load_spec()
    protocol = protocol if protocol is not None else training_protocol(run)
    if dataset is not None:
        clips, source = dataset.manifest, ClipSource(manifest=dataset.name)
    else:
        clips, source = clips_to_evaluate(run, spec, manifest, split)
        clips.check_found(str(source))
        warn_outside(str(source), clips)
    check_broken(clips, skip_broken)
    network = run.load_model(model=model, steps=forward.steps)
    views = protocol.eval_views(spec.sampling, spec.preprocessing)
    engine = engine or load_engine(
        forward.engine, run, network, spec, views=views, device=forward.device, precision=forward.precision
    )
    result, left_out = run_views(
        engine,
        clips,
        labels=spec.labels,
        views=views,
        loading=loading,
        skip_broken=skip_broken,
        forward=forward,
        progress=progress,
        dataset=dataset,
    )
    if not (result.labels >= 0).any():
        raise UserError(f"{source}: no clip that has a label can be decoded; `recircle index` lists the faults")
    predictions = Predictions(
        logits=result.logits,
        labels=result.labels,
        paths=tuple(clips.clips[row].name for row in result.rows),
        classes=spec.labels,
        families=spec.families,
        provenance=Provenance(
            protocol=protocol,
            sampling=spec.sampling,
            preprocessing=spec.preprocessing,
            clips=source,
            order=forward.order,
            order_seed=forward.order_seed if forward.order == "shuffled" else None,
            precision=engine.precision,
            engine=engine.name,
            steps=fewer_steps(network),
            machine=Machine.here(engine.device),
        ),
        fusion=protocol.fusion,
        left_out=tuple(clip.path for clip in left_out),
    )
    return predictions, measure(predictions, bootstrap)


def run_views(
    engine: Engine,
    clips: Manifest,
    *,
    labels: Sequence[str],
    views: EvalViews,
    loading: Loading,
    skip_broken: bool,
    forward: Forward,
    progress: Progress | None = None,
    dataset: DatasetClips | None = None,
) -> tuple[ViewLogits, list[BrokenClip]]:
    """Decode the views of clips and run an engine over them; return its output and the clips left out.

    Raises:
        UserError: a clip cannot be decoded and `skip_broken` is off, no clip can be used, or decoded frames cannot be
            kept in the cache.
    """
    loader = EvalLoader(
        clips,
        labels=labels,
        views=views,
        loading=loading,
        shard=Shard(pin_memory=forward.device.type == "cuda"),
        dataset=dataset,
    )
    result = predict_by(
        engine,
        loader,
        order=forward.order,
        order_seed=forward.order_seed,
        progress=progress,
        total=len(clips) - len(loader.left_out),
    )
    left_out = [*loader.left_out, *result.broken]
    _refuse(left_out, skip_broken)
    return result, left_out


def check_broken(clips: Manifest, skip_broken: bool) -> None:
    """Stop at clips that the manifest calls broken, before any work is done, unless told to go on.

    Raises:
        UserError: there are some, and `skip_broken` is off.
    """
    _refuse([BrokenClip(c.name, c.fault) for c in clips.clips if c.status == "broken"], skip_broken)


def training_protocol(run: Run) -> Protocol:
    """Return the protocol that training evaluated with, or the default where the run has no config.json."""
    if not run.config_path.is_file():
        return Protocol()
    return run.load_config(Protocol, "evaluation")


def clips_to_evaluate(
    run: Run, spec: ModelSpec, manifest: Path | None, split: str | None
) -> tuple[Manifest, ClipSource]:
    """Return the clips that `evaluate` takes, and which they are.

    Raises:
        UserError: there is no manifest, no such split, or no clip with a class that the run knows.
    """
    config = run.load_config(DataConfig, "data") if run.config_path.is_file() else None
    path = manifest or (config and config.manifest)
    if path is None:
        raise UserError(f"{run.path} has no config.json that names its data; give a manifest (--data)")
    if manifest is None and config is not None and config.dataset:
        raise UserError(
            f"{run.path} was trained on a Dataset, {config.dataset}, which is not in a file: call "
            "recircle.evaluate(run, dataset) from Python, or give a manifest (--data)"
        )
    if manifest is None and not path.is_file():
        raise UserError(f"{path}, which {run.path} was trained with, is not there; give its new place (--data)")
    table = Manifest.read(path)
    clips, part = _part(table, config, split, foreign=manifest is not None)
    source = ClipSource(manifest=str(path), datasets=clips.datasets, split=part)
    unknown = sorted({clip.label for clip in clips.clips} - set(spec.labels) - {""})
    if unknown:
        raise UserError(
            f"{path} has classes that {run.path} was not trained on: {_some(unknown)}; "
            "take their rows out, or train on this manifest"
        )
    if not any(clip.label for clip in clips.clips):
        raise UserError(
            f"{path}, {source.part}: no clip has a label, so there is nothing to measure; use `recircle predict`"
        )
    return clips, source


def _part(table: Manifest, config: DataConfig | None, split: str | None, *, foreign: bool) -> tuple[Manifest, str]:
    """Return the clips of the part of a manifest that is asked for, or that suggests itself, and its `split`."""
    splits = {clip.split for clip in table.clips} - {""}
    # a manifest from elsewhere may still be the training data at another place
    trained_on = config is not None and (not foreign or config.test_groups or config.train_split in splits)
    if split is None and config is not None and trained_on:
        return config.split(table)[1], "held out"
    wanted = split or next((name for name in ("val", "test") if name in splits), "all")
    if wanted == "all":
        return table, "all"
    chosen = table.select(split=wanted)
    if not len(chosen):
        there = ", ".join(sorted(splits)) or "none"
        raise UserError(f"no clip under {table.root} has the split {wanted!r}; there are {there}, or take all")
    return chosen, wanted


def _refuse(broken: Sequence[BrokenClip], skip_broken: bool) -> None:
    """Stop at clips that cannot be decoded, unless told to go on."""
    if not broken or skip_broken:
        return
    lines = "".join(f"\n  {clip.path}: {clip.fault}" for clip in broken[:LISTED])
    more = f"\n  and {len(broken) - LISTED} more" if len(broken) > LISTED else ""
    raise UserError(
        f"{len(broken)} of the clips to evaluate cannot be decoded; repair them, or leave them out with "
        f"--skip-broken:{lines}{more}"
    )


def _some(names: list[str], count: int = 5) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(repr(name) for name in names[:count]) + more
