"""How do the other systems of the paper's tables compare? Narrow forms of them on the generated benchmark.

    python -m studies.tabletop_systems

Trained as in `studies.tabletop_hosts`, whose records give TSM, ARC-TSM and the single frame. The widths differ so that
all can be trained on a CPU; accuracy is to be read against what each computes.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from recircle import ArcConfig, TrainConfig
from studies import tabletop, tabletop_hosts
from studies.command import Study
from studies.pages import table
from studies.pictures import scatter
from studies.results import Results
from studies.summary import Row, summarise
from studies.trial import Trial

SEEDS = 1
FROM_HOSTS = ("single frame R18 w16", "TSM-R18 w16", "TSM-R34 w16", "ARC-TSM-R18 w16, paper")

SYSTEMS: dict[str, Callable[[Path], TrainConfig]] = {
    "TSN-R18 w16": partial(tabletop.config, model="tsn_resnet18", width=16),
    "MSNet-R18 w16": partial(tabletop.config, model="msnet_resnet18", width=16),
    "ARC-MSNet-R18 w16": partial(tabletop.config, model="arc_msnet_resnet18", width=16, arc=ArcConfig.paper()),
    # three frames a snippet, as it is published
    "ABM-R18 w16, 24 frames": partial(tabletop.config, model="abm_iabp_resnet18", width=16, frames=24),
    "TSM-R50 w16": partial(tabletop.config, model="tsm_resnet50", width=16),
    # Inception's maps have no common size at 56 pixels
    "GSM-BNInception w16, 64 px": partial(tabletop.config, model="gsm_bninception", width=16, crop=64),
    "TRN-BNInception w16, 64 px": partial(tabletop.config, model="trn_bninception", width=16, crop=64),
    "I3D-Inception w16": partial(tabletop.config, model="i3d_inception", width=16),
    "I3D-R50 w8": partial(tabletop.config, model="i3d_resnet50", width=8),
    "SlowOnly-R50 w8": partial(tabletop.config, model="slowonly_resnet50", width=8),
    "RubiksNet-tiny w16": partial(tabletop.config, model="rubiksnet_tiny", width=16),
    "R(2+1)D-18 w8": partial(tabletop.config, model="r2plus1d_resnet18", width=8),
    "TEA-Res2Net50 w16": partial(tabletop.config, model="tea_res2net50", width=16),
    "SlowFast-R50 w32": partial(tabletop.config, model="slowfast_resnet50", width=32),
    "CorrNet-26 w8": partial(tabletop.config, model="corrnet26", width=8),
}


def trials(data: Path) -> list[Trial]:
    """Return all systems, seed by seed."""
    manifest = tabletop.clips(data)
    return [
        Trial(system=system, seed=seed, config=config(manifest))
        for seed in range(SEEDS)
        for system, config in SYSTEMS.items()
    ]


def blocks(results: Results) -> dict[str, str]:
    """Return the table of all systems, the best first."""
    return {"results": table(_rows(results))}


def draw(results: Results, folder: Path) -> None:
    """Draw the accuracies against what is computed, and against the speed of training."""
    title = "Tabletop, one of four siblings"
    rows = _rows(results)
    scatter(rows, folder / "tabletop_systems_gmacs.png", figure="inside", x="gmacs", title=title)
    scatter(rows, folder / "tabletop_systems_speed.png", figure="inside", x="clips_per_second", title=title)


def _rows(results: Results) -> list[Row]:
    path = tabletop_hosts.STUDY.path
    hosts = Results.read(path).records if path.is_file() else ()
    taken = [record for record in hosts if record.system in FROM_HOSTS and record.seed < SEEDS]
    return sorted(summarise([*results.records, *taken]), key=lambda row: -row.top1.mean)


STUDY = Study(
    name="tabletop_systems", about=(__doc__ or "").partition("\n")[0], trials=trials, blocks=blocks, draw=draw
)

if __name__ == "__main__":
    STUDY.main()
