"""Which settings the studies on the generated benchmark use: learning rates, and how much to learn from few clips.

    python -m studies.tabletop_settings

Three of the five training persons train and the other two are tested on; no test clip is looked at. Rates are searched
for the plain host and for ARC alike; the budget on few clips is chosen on the plain host alone.
"""

from functools import partial
from pathlib import Path

from recircle.tabletop.looks import CATALOGUES
from studies import tabletop
from studies.command import Study
from studies.pages import table
from studies.results import Results
from studies.summary import summarise
from studies.trial import Trial

RATES = (0.03, 0.06, 0.12)
BUDGETS = (20, 40, 80)
FEW = "tsm_resnet18 w32, few clips,"


def trials(data: Path) -> list[Trial]:
    """Return one training for each rate and network, and for each budget on few clips."""
    make = partial(tabletop.config, groups=tuple(CATALOGUES["train"].actors), test_groups=tabletop.VALIDATION_ACTORS)
    manifest, few = tabletop.clips(data), tabletop.few_clips(data)
    rates = [
        Trial(system=f"{model} {rate}", seed=0, config=make(manifest, model, width=16, epochs=3, lr=rate))
        for rate in RATES
        for model in ("tsm_resnet18", "arc_tsm_resnet18")
    ]
    budgets = [
        Trial(
            system=f"{FEW} {epochs} epochs",
            seed=0,
            config=make(few, "tsm_resnet18", width=tabletop.WIDE, epochs=epochs),
        )
        for epochs in BUDGETS
    ]
    return [*rates, *budgets]


def blocks(results: Results) -> dict[str, str]:
    """Return the tables of rates and of budgets."""
    rows = summarise(results.records)
    few = [row for row in rows if row.system.startswith(FEW)]
    return {
        "settings": table([row for row in rows if row not in few], ("top1", "inside")),
        "settings_few": table(few, ("top1", "inside")),
    }


STUDY = Study(
    name="tabletop_settings",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    page="tabletop_hosts",
)

if __name__ == "__main__":
    STUDY.main()
