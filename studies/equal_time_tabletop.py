"""Is ARC worth its time in wider networks? Plain, deeper, whole and cheap networks given the same time, on Tabletop.

    python -m studies.equal_time_tabletop

Networks of width 32, in which arithmetic counts beside the calls, and 15 clips of each class to learn from, so that no
network is near to knowing all. The plain host alone was looked at to choose so many clips and epochs, on training
persons (`studies.tabletop_settings`). As `studies.equal_time`, whose page shows the results.
"""

from functools import partial
from pathlib import Path

from recircle import ArcConfig
from studies import tabletop
from studies.command import ROOT, Study
from studies.contest import Contest
from studies.trial import Trial

_NETWORK = partial(tabletop.config, width=tabletop.WIDE)
_ARC = partial(_NETWORK, model="arc_tsm_resnet18")

HOST, LIGHT, TEMPORAL, WHOLE = (
    "TSM-R18 w32",
    "ARC-TSM-R18 w32, light",
    "ARC-TSM-R18 w32, temporal",
    "ARC-TSM-R18 w32, whole",
)

CONTEST = Contest(
    name="equal_time_tabletop",
    prefix="tabletop_",
    title="Tabletop, few clips, persons and things never seen",
    networks={
        HOST: partial(_NETWORK, model="tsm_resnet18"),
        LIGHT: partial(_ARC, arc=ArcConfig.light()),
        TEMPORAL: partial(_ARC, arc=ArcConfig.temporal()),
        WHOLE: partial(_ARC, arc=ArcConfig.paper()),
        "TSM-R34 w32": partial(_NETWORK, model="tsm_resnet34"),
    },
    host=HOST,
    forms=(LIGHT, TEMPORAL),
    whole=WHOLE,
    wider={},
    budgets=(tabletop.FEW_EPOCHS,),
    folds={"": {}},
    seeds=5,
    times=ROOT / "docs" / "figures" / "equal_time_tabletop.json",
)


def trials(data: Path) -> list[Trial]:
    """Return what is to be trained."""
    return CONTEST.trials(tabletop.few_clips(data))


STUDY = Study(
    name="equal_time_tabletop",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=CONTEST.blocks,
    draw=CONTEST.draw,
    page="equal_time",
)

if __name__ == "__main__":
    STUDY.main()
