"""Does ARC read lips better? TSM and ARC-TSM on MIRACL words, tested on speakers that were never seen.

    python -m studies.miracl_words --data MIRACL

A fixed division of the speakers with five seeds, in which the plain host also gets as much time as ARC, or more
layers; and each speaker left out in turn for the two main networks.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from recircle.layers.config import ArcConfig
from recircle.training.config import TrainConfig
from studies import miracl
from studies.command import Study
from studies.datasets import manifest
from studies.trial import Trial

SEEDS = 5
MAIN = ("TSM-R18", "ARC-TSM-R18")
LEFT_OUT_EPOCHS = 10
"""Of the trainings that leave one speaker out: these see 1,400 clips an epoch, not 1,000."""


def trials(data: Path) -> list[Trial]:
    """Return the fixed division, seed by seed, then the speakers left out."""
    table = manifest(data, "miracl_words", Path("runs/studies"))
    fixed = [
        Trial(system=system, seed=seed, fold="fixed", config=config(table))
        for seed in range(SEEDS)
        for system, config in systems().items()
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
    plain, arc = MAIN
    return {
        plain: tsm,
        arc: partial(miracl.config, model="arc_tsm_resnet18", lr=miracl.ARC_LR, arc=ArcConfig.paper()),
        "TSM-R18, as long as ARC": partial(tsm, epochs=miracl.EPOCHS_OF_EQUAL_TIME),
        "TSM-R34": partial(miracl.config, model="tsm_resnet34", lr=miracl.LR),
    }


STUDY = Study(name="miracl_words", about=(__doc__ or "").partition("\n")[0], trials=trials, needs_data=True)

if __name__ == "__main__":
    STUDY.main()
