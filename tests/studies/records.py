"""Records of trials that never took place."""

from studies.trial import Record


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
