"""Two people interacting, from ImageNet weights: single frame, TSN, TSM and ARC-TSM on UT-Interaction.

    python -m studies.ut_interaction --data UTI

The official protocol: in each of the two sets, one of ten sequences is left out in turn, and the ten accuracies are
averaged. EfficientNet-Lite0 with the settings of the recipe, on smaller frames and for fewer epochs. The square in the
middle of a wide frame, which the recipe looks at, leaves out much of both people, so the temporal networks are also
trained on whole frames.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from recircle.data.sampling import Sampling
from recircle.recipes.registry import get_recipe
from recircle.training.config import TrainConfig
from studies.command import Study
from studies.datasets import manifest
from studies.pages import differences_table, table
from studies.pictures import dots
from studies.results import Results
from studies.summary import differences, mcnemar_pooled, pooled_right, summarise
from studies.trial import Trial

SEQUENCES = {"set1": range(1, 11), "set2": range(11, 21)}
EPOCHS = 8
SQUARE: dict[str, Any] = {"resize": 74, "crop": 64}
WHOLE: dict[str, Any] = {"resize": (68, 92), "crop": (64, 88)}
"""Half of the clips are wider than 4:3; what lies at their sides is squeezed, not cut off."""

SYSTEMS = {
    "single frame": ("tsn_efficientnet_lite0", 1, SQUARE),
    "TSN": ("tsn_efficientnet_lite0", 8, SQUARE),
    "TSM": ("tsm_efficientnet_lite0", 8, SQUARE),
    "ARC-TSM": ("arc_tsm_efficientnet_lite0", 8, SQUARE),
    "TSN, whole frames": ("tsn_efficientnet_lite0", 8, WHOLE),
    "TSM, whole frames": ("tsm_efficientnet_lite0", 8, WHOLE),
    "ARC-TSM, whole frames": ("arc_tsm_efficientnet_lite0", 8, WHOLE),
}
PAIRS = [("TSM", "TSN"), ("ARC-TSM", "TSM")]


def trials(data: Path) -> list[Trial]:
    """Return a fold of both sets for all systems, then the next; those on whole frames come last."""
    table = manifest(data, "ut_interaction", Path("runs/studies"))
    return [
        Trial(system=system, seed=0, fold=fold, config=config(table, model, frames, sides, fold))
        for wanted in (SQUARE, WHOLE)
        for first, second in zip(*SEQUENCES.values())
        for fold in (f"set1/{first:02d}", f"set2/{second:02d}")
        for system, (model, frames, sides) in SYSTEMS.items()
        if sides is wanted
    ]


def config(table: Path, model: str, frames: int, sides: dict[str, Any], fold: str) -> TrainConfig:
    """Return the training of one network on one fold."""
    base = get_recipe("ut_interaction_tsm_efficientnet_lite0")(table)
    assert base.data.preprocessing is not None
    data = replace(
        base.data,
        groups=(f"{fold.partition('/')[0]}/*",),
        test_groups=(fold,),
        sampling=Sampling(frames=frames),
        preprocessing=replace(base.data.preprocessing, **sides),
        workers=0,
        cache=Path("runs/studies/ut_interaction_cache"),
    )
    return replace(base, model=replace(base.model, name=model), data=data, epochs=EPOCHS)


def blocks(results: Results) -> dict[str, str]:
    """Return for each set the table of the systems and their differences."""
    found = {}
    for name in SEQUENCES:
        records = [record for record in results.records if record.fold.startswith(name)]
        rows = summarise(records, list(SYSTEMS))
        folds = {system: {record.fold for record in records if record.system == system} for system in SYSTEMS}
        lines = [table(rows, ("repetitions", "top1", "gmacs", "params", "minutes"), repetitions="folds")]
        pairs = [(f"{one}{sides}", f"{other}{sides}") for sides in ("", ", whole frames") for one, other in PAIRS]
        lines.append(differences_table(differences(records, pairs, "top1")))
        for sides in ("", ", whole frames"):
            arc, plain = f"ARC-TSM{sides}", f"TSM{sides}"
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
        rows = summarise([record for record in results.records if record.fold.startswith(name)], list(SYSTEMS))
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
