"""Two people interacting, from ImageNet weights: single frame, TSN, TSM and ARC-TSM on UT-Interaction.

    python -m studies.ut_interaction --data UTI

The official protocol: in each of the two sets, one of ten sequences is left out in turn, and the ten accuracies are
averaged. EfficientNet-Lite0 with the settings of the recipe, on smaller frames. At first all were trained for 8 epochs
on the square in the middle of the frame. Their losses in training were still high, and the square leaves out much of
both people when they stand apart, so all are also trained on whole frames, for twice as many epochs.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recircle import Sampling, TrainConfig, get_recipe
from studies.command import Study
from studies.datasets import manifest
from studies.pages import differences_table, table
from studies.pictures import dots
from studies.results import Results
from studies.summary import differences, mcnemar_pooled, pooled_right, summarise
from studies.trial import Trial

SEQUENCES = {"set1": range(1, 11), "set2": range(11, 21)}


@dataclass(frozen=True)
class View:
    """What part of a frame the networks see, and for how long they are trained."""

    ending: str
    sides: dict[str, Any]
    epochs: int


SQUARE = View("", {"resize": 74, "crop": 64}, epochs=8)
WHOLE = View(", whole frames", {"resize": (68, 92), "crop": (64, 88)}, epochs=16)
"""Half of the clips are wider than 4:3; what lies at their sides is squeezed, not cut off."""

VIEWS = (SQUARE, WHOLE)
NETWORKS = {
    "single frame": ("tsn_efficientnet_lite0", 1),
    "TSN": ("tsn_efficientnet_lite0", 8),
    "TSM": ("tsm_efficientnet_lite0", 8),
    "ARC-TSM": ("arc_tsm_efficientnet_lite0", 8),
}
SYSTEMS = [f"{network}{view.ending}" for view in VIEWS for network in NETWORKS]
PAIRS = [("TSM", "TSN"), ("ARC-TSM", "TSM")]


def trials(data: Path) -> list[Trial]:
    """Return a fold of both sets for all systems, then the next; those on whole frames come last."""
    table = manifest(data, "ut_interaction", Path("runs/studies"))
    return [
        Trial(system=f"{network}{view.ending}", seed=0, fold=fold, config=config(table, model, frames, view, fold))
        for view in VIEWS
        for first, second in zip(*SEQUENCES.values())
        for fold in (f"set1/{first:02d}", f"set2/{second:02d}")
        for network, (model, frames) in NETWORKS.items()
    ]


def config(table: Path, model: str, frames: int, view: View, fold: str) -> TrainConfig:
    """Return the training of one network on one fold."""
    base = get_recipe("ut_interaction_tsm_efficientnet_lite0")(table)
    assert base.data.preprocessing is not None
    data = replace(
        base.data,
        groups=(f"{fold.partition('/')[0]}/*",),
        test_groups=(fold,),
        sampling=Sampling(frames=frames),
        preprocessing=replace(base.data.preprocessing, **view.sides),
        workers=0,
        cache=Path("runs/studies/ut_interaction_cache"),
    )
    return replace(base, model=replace(base.model, name=model), data=data, epochs=view.epochs)


def blocks(results: Results) -> dict[str, str]:
    """Return for each set the table of the systems and their differences."""
    found = {}
    for name in SEQUENCES:
        records = [record for record in results.records if record.fold.startswith(name)]
        rows = summarise(records, SYSTEMS)
        folds = {system: {record.fold for record in records if record.system == system} for system in SYSTEMS}
        lines = [table(rows, ("repetitions", "top1", "gmacs", "params", "minutes"), repetitions="folds")]
        pairs = [(f"{one}{view.ending}", f"{other}{view.ending}") for view in VIEWS for one, other in PAIRS]
        lines.append(differences_table(differences(records, pairs, "top1")))
        for view in VIEWS:
            arc, plain = f"ARC-TSM{view.ending}", f"TSM{view.ending}"
            if folds[arc] & folds[plain]:
                test = mcnemar_pooled(records, arc, plain)
                lines.append(
                    f"Of {test.clips} clips, {arc} alone is right on {test.only_here} and {plain} alone on "
                    f"{test.only_there}; McNemar's test ({test.test}) p = {test.p_value:.2f}. "
                    f"Intervals over clips: {plain} {pooled_right(records, plain)}, {arc} {pooled_right(records, arc)}."
                )
        found[name] = "\n\n".join(lines)
    return found


def draw(results: Results, folder: Path) -> None:
    """Draw the accuracies of each set."""
    for name in SEQUENCES:
        rows = summarise([record for record in results.records if record.fold.startswith(name)], SYSTEMS)
        if not rows:
            continue
        title = f"UT-Interaction, {name}, one sequence left out in turn"
        dots(rows, folder / f"ut_interaction_{name}.png", figure="top1", title=title, chance=1 / 6)


STUDY = Study(
    name="ut_interaction",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    draw=draw,
    needs_data=True,
)

if __name__ == "__main__":
    STUDY.main()
