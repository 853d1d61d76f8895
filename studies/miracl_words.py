"""Does ARC read lips better? TSM and ARC-TSM on MIRACL words, tested on speakers that were never seen.

    python -m studies.miracl_words --data MIRACL

A fixed division of the speakers with five seeds, in which the plain host also gets as much time as ARC, or more
layers, or ARC pools over time alone; and each speaker left out in turn for the two main networks.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from recircle import ArcConfig, TrainConfig
from studies import miracl
from studies.command import Study
from studies.datasets import manifest
from studies.pages import differences_table, table
from studies.pictures import dots, scatter
from studies.results import Results
from studies.summary import differences, summarise
from studies.trial import Trial

SEEDS = 5
FIXED = "fixed"
"""What the division of the speakers into ten to train on and five to test on is called."""

MAIN = ("TSM-R18", "ARC-TSM-R18")
EQUAL_TIME = "TSM-R18, as long as ARC"
LONG = "ARC-TSM-R18, 51 epochs"
"""ARC trained for as many epochs as the plain host that has its time: more than three times as long as that."""

OVER_TIME, OVER_TIME_SEEDS = "ARC-TSM-R18, pooling over time alone", 3
"""What did best in `studies.tabletop_ablations`, tried on other data."""

RESAMPLED_ONCE = "TSM-R18, resampled once"
"""The plain host again, with views that are cut from frames of full size and resized once in training."""

LEFT_OUT_EPOCHS = 10
"""Of the trainings that leave one speaker out: these see 1,400 clips an epoch, not 1,000."""


def trials(data: Path) -> list[Trial]:
    """Return the fixed division, seed by seed, then the speakers left out."""
    table = manifest(data, "miracl_words", Path("runs/studies"))
    fixed = [
        Trial(system=system, seed=seed, fold=FIXED, config=config(table))
        for seed in range(SEEDS)
        for system, config in systems().items()
        if seed < OVER_TIME_SEEDS or system != OVER_TIME
    ]
    left_out = [
        Trial(
            system=system,
            seed=0,
            fold=speaker,
            config=systems()[system](table, epochs=LEFT_OUT_EPOCHS, test_groups=(speaker,)),
        )
        for speaker in sorted({*miracl.TRAIN_SPEAKERS, *miracl.TEST_SPEAKERS})
        for system in MAIN
    ]
    return [*fixed, *left_out]


def systems() -> dict[str, Callable[..., TrainConfig]]:
    """Return what makes the config of each system."""
    tsm = partial(miracl.config, model="tsm_resnet18", lr=miracl.LR)
    arc_tsm = partial(miracl.config, model="arc_tsm_resnet18", lr=miracl.ARC_LR, arc=ArcConfig.paper())
    plain, arc = MAIN
    long = miracl.EPOCHS_OF_EQUAL_TIME
    return {
        plain: tsm,
        arc: arc_tsm,
        EQUAL_TIME: partial(tsm, epochs=long),
        LONG: partial(arc_tsm, epochs=long),
        OVER_TIME: partial(arc_tsm, arc=ArcConfig.paper(aggregation="T")),
        "TSM-R34": partial(miracl.config, model="tsm_resnet34", lr=miracl.LR),
        RESAMPLED_ONCE: _resampled_once,
    }


def _resampled_once(manifest: Path) -> TrainConfig:
    config = miracl.config(manifest, "tsm_resnet18", lr=miracl.LR)
    augmentation = replace(config.data.augmentation, one_resample=True)
    return replace(config, data=replace(config.data, augmentation=augmentation, cache=None))


def blocks(results: Results) -> dict[str, str]:
    """Return the tables of the systems and their differences: of the fixed division, and of the speakers left out."""
    plain, arc = MAIN
    fixed = [record for record in results.records if record.fold == FIXED]
    rows = summarise(fixed, list(systems()))
    pairs = [
        *((arc, row.system) for row in rows if row.system not in (arc, LONG, OVER_TIME, RESAMPLED_ONCE)),
        (LONG, EQUAL_TIME),
    ]
    pairs += [(OVER_TIME, arc), (OVER_TIME, plain), (RESAMPLED_ONCE, plain)]
    found = {"results": table(rows), "differences": differences_table(differences(fixed, pairs, "top1"))}
    left_out = [record for record in results.records if record.fold != FIXED]
    if {record.system for record in left_out} == {plain, arc}:
        compared = differences_table(differences(left_out, [(arc, plain)], "top1"))
        found["left_out"] = table(summarise(left_out, MAIN), repetitions="speakers") + "\n\n" + compared
    return found


def draw(results: Results, folder: Path) -> None:
    """Draw the accuracies of the fixed division, and those against the time of training."""
    rows = summarise([record for record in results.records if record.fold == FIXED], list(systems()))
    title = "MIRACL words, speakers never seen"
    dots(rows, folder / "miracl_words.png", figure="top1", title=title, chance=1 / 10)
    scatter(rows, folder / "miracl_words_seconds.png", figure="top1", x="seconds", title=title)


STUDY = Study(
    name="miracl_words",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    draw=draw,
    needs_data=True,
)

if __name__ == "__main__":
    STUDY.main()
