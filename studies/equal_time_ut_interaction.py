"""Is ARC worth its time from ImageNet weights? Plain, whole and cheap networks given the same time, on UT-Interaction.

    python -m studies.equal_time_ut_interaction --data UTI

EfficientNet-Lite0 on whole frames, one sequence left out in turn, as in `studies.ut_interaction`, whose trainings with
the same settings are taken and not done again. All get the time of 16 or of 59 epochs of the plain network.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from recircle import ArcConfig, TrainConfig
from studies import ut_interaction
from studies.command import ROOT, Study
from studies.contest import Contest
from studies.datasets import manifest
from studies.trial import Trial

FRAMES = 8


def _training(arc: ArcConfig | None) -> Callable[..., TrainConfig]:
    """Return what makes the training of the plain network, or of one with these layers."""
    model = "tsm_efficientnet_lite0" if arc is None else "arc_tsm_efficientnet_lite0"

    def make(table: Path, *, fold: str, epochs: int = ut_interaction.WHOLE.epochs) -> TrainConfig:
        found = ut_interaction.config(table, model, FRAMES, ut_interaction.WHOLE, fold)
        return replace(found, model=replace(found.model, arc=arc), epochs=epochs)

    return make


HOST, LIGHT, TEMPORAL, WHOLE = "TSM", "ARC-TSM, light", "ARC-TSM, temporal", "ARC-TSM, whole"

CONTEST = Contest(
    name="equal_time_ut_interaction",
    prefix="uti_",
    title="UT-Interaction, one sequence left out in turn",
    networks={
        HOST: _training(None),
        LIGHT: _training(ArcConfig.light()),
        TEMPORAL: _training(ArcConfig.temporal()),
        WHOLE: _training(ArcConfig.paper()),
    },
    host=HOST,
    forms=(LIGHT, TEMPORAL),
    whole=WHOLE,
    wider={},
    budgets=(59, 16),
    folds={
        f"{name}/{number:02d}": {"fold": f"{name}/{number:02d}"}
        for name, numbers in ut_interaction.SEQUENCES.items()
        for number in numbers
    },
    seeds=1,
    times=ROOT / "docs" / "figures" / "equal_time_ut_interaction.json",
    other=lambda: ut_interaction.STUDY.path,
)


def trials(data: Path) -> list[Trial]:
    """Return what is to be trained."""
    return CONTEST.trials(manifest(data, "ut_interaction", Path("runs/studies")))


STUDY = Study(
    name="equal_time_ut_interaction",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=CONTEST.blocks,
    draw=CONTEST.draw,
    page="equal_time",
    needs_data=True,
)

if __name__ == "__main__":
    STUDY.main()
