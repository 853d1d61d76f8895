"""Make an ensemble of trained networks: one run, which evaluation, recognition and export take as any other."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from recircle.arc.fewer_steps import set_steps
from recircle.arc.step_statistics import NAME as STATISTICS
from recircle.arc.step_statistics import keep_step_statistics
from recircle.errors import UserError
from recircle.models.ensemble import FrameRateEnsemble
from recircle.models.registry import list_models
from recircle.run import ModelSpec, Run
from recircle.views.sampling import Sampling


def make_ensemble(runs: Sequence[str | Path], output: str | Path) -> Run:
    """Write a run whose network averages the scores of trained networks that differ in their number of frames.

    The name of the ensemble is theirs with the numbers of frames, such as `arc_tsm_resnet50_8f_16f`.

    Args:
        runs: folders of finished runs, in any order.
        output: folder of the new run.

    Raises:
        UserError: there is one run or none, a folder holds no trained network, the runs are not of the same network,
            classes and preprocessing, no ensemble has that name, or the output has a trained network already.
    """
    if len(runs) < 2:
        raise UserError("an ensemble needs two runs or more, of one network at different numbers of frames")
    members = sorted(((run.load_spec(), run) for run in map(Run.open, runs)), key=lambda pair: pair[0].sampling.frames)
    (spec, first), *others = members
    for other, run in others:
        differing = [name for name, a, b in _compared(spec, other) if a != b]
        if differing:
            differences = ", ".join(differing)
            raise UserError(f"{run.path} and {first.path} cannot form an ensemble: they differ in {differences}")
    frames = [spec.sampling.frames for spec, _ in members]
    name = "_".join([spec.model.name, *(f"{count}f" for count in frames)])
    if name not in list_models():
        known = ", ".join(list_models("*f_*f"))
        raise UserError(f"no network is called {name}, which these runs would make; there is {known}")
    target = Run.create(output)
    if target.weights_path.exists():
        raise UserError(f"{target.path} holds a trained network already; give another --output")
    config = replace(spec.model, name=name, pretrained=None)
    model = config.build(len(spec.labels))
    assert isinstance(model, FrameRateEnsemble)
    if spec.drawn_steps:
        keep_step_statistics(model, spec.drawn_steps)
    for steps in sorted(spec.drawn_steps) or [None]:
        if steps is not None:
            set_steps(model, steps)
        for member, (_, run) in zip(model.members, members):
            state = run.load_model(steps=steps).state_dict()
            # the ensemble has them for all members together
            member.load_state_dict({key: v for key, v in state.items() if not key.startswith(f"{STATISTICS}.")})
    # the members' middles of a clip of the most frames are those of the video
    target.save_model(model, replace(spec, model=config, sampling=members[-1][0].sampling))
    return target


def _compared(a: ModelSpec, b: ModelSpec) -> list[tuple[str, object, object]]:
    """Return what must be the same in all runs, with the value in both."""
    return [
        ("the network", replace(a.model, pretrained=None), replace(b.model, pretrained=None)),
        ("the classes", a.labels, b.labels),
        ("the preprocessing", a.preprocessing, b.preprocessing),
        ("the numbers of steps", a.drawn_steps, b.drawn_steps),
        ("the kind of sampling", _kind(a.sampling), _kind(b.sampling)),
    ]


def _kind(sampling: Sampling) -> Sampling:
    return replace(sampling, frames=sampling.snippet)
