"""Does a small host with ARC beat the next larger plain one? TSM and ARC-TSM on the generated benchmark.

    python -m studies.tabletop_hosts

ResNet-18 of two widths, plain and with both presets of ARC, and ResNet-34 of the same widths, which computes more than
ARC on ResNet-18 does; a single frame shows what there is to gain from time at all.
"""

from pathlib import Path

from recircle.layers.config import ArcConfig
from studies import tabletop
from studies.command import Study
from studies.trial import Trial

SEEDS = 5
WIDTHS = (16, 8)


def trials(data: Path) -> list[Trial]:
    """Return all networks of the first seed, then all of the next."""
    manifest = tabletop.clips(data)
    return [
        Trial(system=system, seed=seed, config=tabletop.config(manifest, model, width=width, arc=arc))
        for seed in range(SEEDS)
        for system, model, width, arc in systems()
    ]


def systems() -> list[tuple[str, str, int, ArcConfig | None]]:
    """Return name, network, width and variant of each system."""
    found: list[tuple[str, str, int, ArcConfig | None]] = []
    for width in WIDTHS:
        found += [
            (f"TSM-R18 w{width}", "tsm_resnet18", width, None),
            (f"ARC-TSM-R18 w{width}, paper", "arc_tsm_resnet18", width, ArcConfig.paper()),
            (f"ARC-TSM-R18 w{width}, published", "arc_tsm_resnet18", width, ArcConfig.published()),
            (f"TSM-R34 w{width}", "tsm_resnet34", width, None),
        ]
    return [*found, ("single frame R18 w16", "tsn_resnet18", 16, None)]


STUDY = Study(name="tabletop_hosts", about=(__doc__ or "").partition("\n")[0], trials=trials)

if __name__ == "__main__":
    STUDY.main()
