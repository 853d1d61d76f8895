"""What does it cost not to look ahead, on the generated benchmark? TSM and temporal ARC-TSM, causal and ordinary.

    python -m studies.causality_tabletop

As `studies.causality`, whose page shows the results.
"""

from functools import partial
from pathlib import Path

from studies import tabletop
from studies.causality import all_systems, both_forms, tables
from studies.command import Study
from studies.pictures import dots
from studies.results import Results
from studies.summary import summarise
from studies.trial import Trial

WIDTH = 8
EPOCHS = 5


def trials(data: Path) -> list[Trial]:
    """Return all networks of the first seed, then all of the next."""
    make = partial(tabletop.config, tabletop.clips(data), width=WIDTH, epochs=EPOCHS)
    return both_forms(make, make)


def blocks(results: Results) -> dict[str, str]:
    """Return the tables."""
    return tables(results, "tabletop", ["inside", "top1"])


def draw(results: Results, folder: Path) -> None:
    """Draw the accuracies among four siblings."""
    rows = summarise(results.records, all_systems())
    title = "Looking back alone: Tabletop, one of four siblings"
    dots(rows, folder / "causality_tabletop.png", figure="inside", title=title, chance=1 / 4)


STUDY = Study(
    name="causality_tabletop",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    draw=draw,
    page="causality",
)

if __name__ == "__main__":
    STUDY.main()
