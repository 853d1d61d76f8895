"""Records of trials that never took place."""

from pathlib import Path

from studies.contest import Contest
from studies.step_time import Times
from studies.trial import Record, Trial


def record(system: str, seed: int = 0, *, right: str = "10", fold: str = "", inside: float | None = None) -> Record:
    return Record(
        system=system,
        seed=seed,
        fold=fold,
        top1=right.count("1") / len(right),
        inside=inside,
        right=right,
        train_loss=1.0,
        clips_seen=600,
        seconds=60.0 + seed,
        params=1_500_000,
        gmacs=0.0521,
        settings={"model": {"name": "arc_tsm_resnet18" if system.startswith("ARC") else "tsm_resnet18"}},
        machine="a machine",
        threads=1,
        commit="abc",
        date="2026-01-01T00:00+00:00",
    )


def times_for(contest: Contest) -> Times:
    """Return times in which the whole layer takes three times the host's, and the light one as long as a wider host."""
    steps = dict.fromkeys([*contest.networks, *contest.wider], 0.2) | {contest.host: 0.1, contest.whole: 0.3}
    clips = dict.fromkeys(contest.networks, 0.0151)
    clips |= {name: 0.01 * place for place, name in enumerate(contest.wider, start=1)}
    return Times(step=steps, clip=clips, rounds=3, machine={"threads": 1}, commit="abc")


def quick(trial: Trial, runs: Path, commit: str) -> Record:
    """Take the place of a training."""
    return record(trial.system, trial.seed, fold=trial.fold)
