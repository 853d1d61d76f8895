"""Can one set of weights run with one, two or four steps? A dial on MIRACL words against networks trained for one n.

    python -m studies.dial --data MIRACL

The dial is one training in which each optimiser step draws its number of recursive steps from 1, 2 and 4; it is tested
with each of the three. Beside it stand networks that were trained with one number, with the same settings and as many
epochs, and the dial with three times as many, which takes as long as these three. A layer in one step is the ordinary
convolution, so the network for n = 1 is the plain host of `studies.miracl_words`, whose records are taken.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from recircle import ArcConfig, TrainConfig
from studies import miracl, miracl_words
from studies.command import ROOT, Study
from studies.datasets import manifest
from studies.pages import differences_table, markdown, table
from studies.pictures import scatter
from studies.results import Results
from studies.step_time import Times, kept_times
from studies.summary import differences, summarise
from studies.trial import Record, Trial

SEEDS = 3
STEPS = (1, 2, 4)
DIAL, LONG = "ARC-TSM-R18, dial", "ARC-TSM-R18, dial in the time of three"
TIMES = ROOT / "docs" / "figures" / "dial.json"


def alone(steps: int) -> str:
    """Return what the network that was trained for one number of steps is called."""
    return f"ARC-TSM-R18, trained for n = {steps}" if steps > 1 else "TSM-R18, which is n = 1"


def turned(steps: int, dial: str = DIAL) -> str:
    """Return what a dial is called where it runs with so many steps."""
    return f"{dial}, at n = {steps}"


def configs(table: Path) -> dict[str, TrainConfig]:
    """Return the trainings, the host's among them."""
    arc = partial(miracl.config, table, "arc_tsm_resnet18", lr=miracl.ARC_LR)
    dial = replace(arc(arc=ArcConfig.light(steps=max(STEPS))), drawn_steps=STEPS)
    long = replace(dial, epochs=len(STEPS) * dial.epochs)
    single = {alone(steps): arc(arc=ArcConfig.light(steps=steps)) for steps in STEPS if steps > 1}
    return {DIAL: dial, LONG: long, alone(1): miracl.config(table, "tsm_resnet18", lr=miracl.LR), **single}


def trials(data: Path) -> list[Trial]:
    """Return all networks but the host of the first seed, then all of the next."""
    every = configs(manifest(data, "miracl_words", Path("runs/studies")))
    kept_times(TIMES, {name: config for name, config in every.items() if not config.drawn_steps})
    return [
        Trial(system=name, seed=seed, fold=miracl_words.FIXED, config=config, steps=config.drawn_steps)
        for seed in range(SEEDS)
        for name, config in every.items()
        if name != alone(1)
    ]


def records(results: Results) -> list[Record]:
    """Return a record for each number of steps that the dial was tested with, and those of the other networks."""
    path = miracl_words.STUDY.path
    host = Results.read(path).records if path.is_file() else ()
    plain = [
        replace(one, system=alone(1))
        for one in host
        if (one.system, one.fold) == (miracl_words.MAIN[0], miracl_words.FIXED) and one.seed < SEEDS
    ]
    tested = [
        replace(one, system=turned(steps, one.system), right=right, top1=right.count("1") / len(right))
        for one in results.records
        for steps, right in one.right_with.items()
    ]
    return [*plain, *(one for one in results.records if not one.right_with), *tested]


def rows() -> dict[str, int]:
    """Return the number of steps of each row: each number once alone and once of each dial."""
    return {name: steps for steps in STEPS for name in (alone(steps), turned(steps), turned(steps, LONG))}


def clip_ms() -> Mapping[str, float]:
    """Return the milliseconds of one clip, which depend on the number of steps alone."""
    clip = Times.read(TIMES).clip
    return {name: 1e3 * clip[alone(steps)] for name, steps in rows().items()}


def blocks(results: Results) -> dict[str, str]:
    """Return the accuracies, how far the dial is from each network alone, and what a clip takes."""
    found = records(results)
    pairs = [(turned(steps, dial), alone(steps)) for dial in (DIAL, LONG) for steps in STEPS]
    pairs += [(turned(max(STEPS), dial), turned(1, dial)) for dial in (DIAL, LONG)]
    clip = clip_ms()
    times = [[f"{steps}", f"{clip[turned(steps)]:.2f}"] for steps in STEPS]
    return {
        "dial": table(summarise(found, [*rows()]), ("repetitions", "top1")),
        "dial_differences": differences_table(differences(found, pairs, "top1")),
        "dial_times": markdown(["n", "one clip, ms"], times),
    }


def draw(results: Results, folder: Path) -> None:
    """Draw the accuracies against the time of one clip."""
    summaries = summarise(records(results), [*rows()])
    title = "One file, three speeds: MIRACL words"
    scatter(summaries, folder / "dial.png", figure="top1", x="clip", title=title, measured=clip_ms())


STUDY = Study(
    name="dial",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    draw=draw,
    page="equal_time",
    needs_data=True,
)

if __name__ == "__main__":
    STUDY.main()
