"""Does a small host with ARC beat the next larger plain one? TSM and ARC-TSM on the generated benchmark.

    python -m studies.tabletop_hosts

ResNet-18 of two widths, plain and with both presets of ARC; ResNet-34 of the same widths, which computes more than ARC
on ResNet-18 does; the plain host trained for as long as ARC takes, ARC for as many epochs as that, and the plain host
for as long as ARC takes then. A single frame shows what there is to gain from time at all.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from recircle import ArcConfig, TrainConfig
from studies import tabletop
from studies.command import Study
from studies.pages import differences_table, table
from studies.pictures import dots, scatter
from studies.results import Results
from studies.summary import differences, summarise
from studies.trial import Trial

SEEDS = 5
WIDTHS = (16, 8)
EPOCHS_OF_EQUAL_TIME = {16: 10, 8: 11}
"""Of the plain host, by width: a step of ARC took 3.2 and 3.7 times one of TSM in the trainings of 3 epochs."""

LONG = {width: f"ARC-TSM-R18 w{width}, paper, {epochs} epochs" for width, epochs in EPOCHS_OF_EQUAL_TIME.items()}
"""ARC trained for as many epochs as the plain host that has its time: over three times as long as that."""

EPOCHS_OF_LONG_TIME = {16: 33, 8: 40}
"""Of the plain host, in the time that ARC takes for those epochs."""

LONGEST = {width: f"TSM-R18 w{width}, {epochs} epochs" for width, epochs in EPOCHS_OF_LONG_TIME.items()}
LONGEST_SEEDS = 2

SINGLE_FRAME = "single frame R18 w16"


def trials(data: Path) -> list[Trial]:
    """Return all networks of the first seed, then all of the next."""
    manifest = tabletop.clips(data)
    return [
        Trial(system=system, seed=seed, config=config(manifest))
        for seed in range(SEEDS)
        for system, config in systems().items()
        if seed < LONGEST_SEEDS or system not in LONGEST.values()
    ]


def systems() -> dict[str, Callable[[Path], TrainConfig]]:
    """Return what makes the config of each system."""
    found: dict[str, Callable[[Path], TrainConfig]] = {}
    for width in WIDTHS:
        make = partial(tabletop.config, width=width)
        found |= {
            f"TSM-R18 w{width}": partial(make, model="tsm_resnet18"),
            f"ARC-TSM-R18 w{width}, paper": partial(make, model="arc_tsm_resnet18", arc=ArcConfig.paper()),
            f"ARC-TSM-R18 w{width}, published": partial(make, model="arc_tsm_resnet18", arc=ArcConfig.published()),
            f"TSM-R34 w{width}": partial(make, model="tsm_resnet34"),
            f"TSM-R18 w{width}, as long as ARC": partial(
                make, model="tsm_resnet18", epochs=EPOCHS_OF_EQUAL_TIME[width]
            ),
            LONG[width]: partial(
                make, model="arc_tsm_resnet18", arc=ArcConfig.paper(), epochs=EPOCHS_OF_EQUAL_TIME[width]
            ),
            LONGEST[width]: partial(make, model="tsm_resnet18", epochs=EPOCHS_OF_LONG_TIME[width]),
        }
    return {**found, SINGLE_FRAME: partial(tabletop.config, model="tsn_resnet18", width=16, frames=1)}


def blocks(results: Results) -> dict[str, str]:
    """Return the table of the systems, and that of their differences."""
    rows = summarise(results.records, list(systems()))
    pairs = [
        (f"ARC-TSM-R18 w{width}, {preset}", f"TSM-{other}")
        for width in WIDTHS
        for preset in ("paper", "published")
        for other in (f"R18 w{width}", f"R34 w{width}", f"R18 w{width}, as long as ARC")
    ]
    pairs += [(LONG[width], host) for width in WIDTHS for host in (f"TSM-R18 w{width}, as long as ARC", LONGEST[width])]
    compared = differences(results.records, pairs, "inside")
    return {"results": table(rows), "differences": differences_table(compared)}


def draw(results: Results, folder: Path) -> None:
    """Draw the accuracies, and the accuracies against what is computed and how long training takes."""
    rows = summarise(results.records, list(systems()))
    name = "Tabletop, one of four siblings"
    dots(rows, folder / "tabletop_hosts.png", figure="inside", title=name, chance=1 / 4)
    temporal = [row for row in rows if row.system != SINGLE_FRAME]
    scatter(temporal, folder / "tabletop_hosts_gmacs.png", figure="inside", x="gmacs", title=name)
    scatter(temporal, folder / "tabletop_hosts_seconds.png", figure="inside", x="seconds", title=name)


STUDY = Study(name="tabletop_hosts", about=(__doc__ or "").partition("\n")[0], trials=trials, blocks=blocks, draw=draw)

if __name__ == "__main__":
    STUDY.main()
