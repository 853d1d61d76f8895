"""Is ARC worth its time? Plain, deeper, wider, whole and cheap networks given the same time, on MIRACL words.

    python -m studies.equal_time --data MIRACL

What a training step and a clip of inference take is measured first, and kept; every network is trained for as many
epochs as take the time of 15, 51 or 153 of the plain host's. The speakers are those of `studies.miracl_words`, whose
trainings with the same settings are taken and not done again.
"""

from functools import partial
from pathlib import Path

from recircle import ArcConfig
from studies import miracl, miracl_words
from studies.command import ROOT, Study
from studies.contest import Contest
from studies.datasets import manifest
from studies.trial import Trial

_PLAIN = partial(miracl.config, lr=miracl.LR)
_ARC = partial(miracl.config, model="arc_tsm_resnet18", lr=miracl.ARC_LR)

HOST, LIGHT, TEMPORAL, WHOLE = "TSM-R18", "ARC-TSM-R18, light", "ARC-TSM-R18, temporal", "ARC-TSM-R18, whole"

CONTEST = Contest(
    name="equal_time",
    title="MIRACL words, speakers never seen",
    networks={
        HOST: partial(_PLAIN, model="tsm_resnet18"),
        LIGHT: partial(_ARC, arc=ArcConfig.light()),
        TEMPORAL: partial(_ARC, arc=ArcConfig.temporal()),
        WHOLE: partial(_ARC, arc=ArcConfig.paper()),
        "TSM-R34": partial(_PLAIN, model="tsm_resnet34"),
    },
    host=HOST,
    forms=(LIGHT, TEMPORAL),
    whole=WHOLE,
    wider={
        f"TSM-R18, {width} channels": partial(_PLAIN, model="tsm_resnet18", width=width) for width in (20, 24, 28, 32)
    },
    budgets=(51, 15, 153),
    folds={miracl_words.FIXED: {}},
    seeds=5,
    times=ROOT / "docs" / "figures" / "equal_time.json",
    other=lambda: miracl_words.STUDY.path,
)


def trials(data: Path) -> list[Trial]:
    """Return what is to be trained."""
    return CONTEST.trials(manifest(data, "miracl_words", Path("runs/studies")))


STUDY = Study(
    name="equal_time",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=CONTEST.blocks,
    draw=CONTEST.draw,
    needs_data=True,
)

if __name__ == "__main__":
    STUDY.main()
