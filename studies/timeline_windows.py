"""Which window and stride find actions in long videos, for TSM and for ARC-TSM?

    python -m studies.timeline_windows

Both networks are trained on the clips of the generated benchmark, for as many epochs, and then look for the same
actions in long videos of things, tables and people that they have not seen. The threshold is chosen on other long
videos, of training persons.
"""

from functools import partial
from pathlib import Path

from recircle import ArcConfig
from studies import tabletop
from studies.command import Study
from studies.pages import table
from studies.results import Results
from studies.summary import summarise
from studies.trial import Trial

SEEDS = 3
WIDTH, EPOCHS = 8, 6
HOST, ARC = "TSM-R18 w8", "ARC-TSM-R18 w8, light"


def trials(data: Path) -> list[Trial]:
    """Return both networks of the first seed, then those of the next."""
    manifest = tabletop.clips(data)
    make = partial(tabletop.config, manifest, width=WIDTH, epochs=EPOCHS)
    configs = {
        HOST: make(model="tsm_resnet18"),
        ARC: make(model="arc_tsm_resnet18", arc=ArcConfig.light()),
    }
    return [
        Trial(system=system, seed=seed, config=config) for seed in range(SEEDS) for system, config in configs.items()
    ]


def blocks(results: Results) -> dict[str, str]:
    """Return the table of the networks on clips."""
    return {"networks": table(summarise(results.records, [HOST, ARC]))}


STUDY = Study(name="timeline_windows", about=(__doc__ or "").partition("\n")[0], trials=trials, blocks=blocks)

if __name__ == "__main__":
    STUDY.main()
