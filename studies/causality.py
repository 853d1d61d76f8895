"""What does it cost not to look ahead? TSM and temporal ARC-TSM, causal and ordinary, on MIRACL words.

    python -m studies.causality --data MIRACL

Each network is trained twice with each seed, with the same settings: with the temporal shift and the pooling of its
layers in both directions, and looking back alone. `studies.causality_tabletop` does the same on generated clips.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from recircle import ArcConfig, TrainConfig
from studies import miracl
from studies.command import Study
from studies.datasets import manifest
from studies.pages import differences_table, table
from studies.pictures import dots
from studies.results import Results
from studies.summary import Figure, differences, summarise
from studies.trial import Trial

SEEDS = 3
WIDTH = 8
EPOCHS = 10
NETWORKS = ("TSM-R18", "ARC-TSM-R18, temporal")


def trials(data: Path) -> list[Trial]:
    """Return all networks of the first seed, then all of the next."""
    table = manifest(data, "miracl_words", Path("runs/studies"))
    make = partial(miracl.config, table, width=WIDTH, epochs=EPOCHS)
    return both_forms(partial(make, lr=miracl.LR), partial(make, lr=miracl.ARC_LR))


def both_forms(host: Callable[..., TrainConfig], arc: Callable[..., TrainConfig]) -> list[Trial]:
    """Return the trials of the host and of ARC, ordinary and causal, from what makes the config of each."""
    ordinary = [host(model="tsm_resnet18"), arc(model="arc_tsm_resnet18", arc=ArcConfig.temporal())]
    systems: dict[str, TrainConfig] = {}
    for name, config in zip(NETWORKS, ordinary):
        systems[name] = config
        systems[causal(name)] = replace(config, model=replace(config.model, causal=True))
    return [
        Trial(system=system, seed=seed, config=config) for seed in range(SEEDS) for system, config in systems.items()
    ]


def causal(name: str) -> str:
    """Return what the causal form of a network is called."""
    return f"{name}, causal"


def tables(results: Results, prefix: str, figures: Sequence[Figure]) -> dict[str, str]:
    """Return the table of the networks and what causality costs them; the blocks' names begin with `prefix`."""
    pairs = [*((causal(name), name) for name in NETWORKS), (causal(NETWORKS[1]), causal(NETWORKS[0]))]
    compared = [differences(results.records, pairs, figure) for figure in figures]
    return {
        f"{prefix}_results": table(summarise(results.records, all_systems())),
        f"{prefix}_differences": "\n\n".join(differences_table(part) for part in compared if part),
    }


def all_systems() -> list[str]:
    """Return each network and its causal form, one after the other."""
    return [system for name in NETWORKS for system in (name, causal(name))]


def blocks(results: Results) -> dict[str, str]:
    """Return the tables."""
    return tables(results, "miracl", ["top1"])


def draw(results: Results, folder: Path) -> None:
    """Draw the accuracies."""
    rows = summarise(results.records, all_systems())
    dots(rows, folder / "causality.png", figure="top1", title="Looking back alone: MIRACL words", chance=1 / 10)


STUDY = Study(
    name="causality",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    draw=draw,
    needs_data=True,
)

if __name__ == "__main__":
    STUDY.main()
