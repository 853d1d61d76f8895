"""How do the other systems of the paper's tables compare? Narrow forms of them on the generated benchmark.

    python -m studies.tabletop_systems

Trained as in `studies.tabletop_hosts`, whose records give TSM, ARC-TSM and the single frame. The widths differ so that
all can be trained on a CPU; accuracy is to be read against what each computes.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from recircle.layers.config import ArcConfig
from recircle.training.config import TrainConfig
from studies import tabletop
from studies.command import Study
from studies.trial import Trial

SEEDS = 2

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
    """Return all systems of the first seed, then all of the next."""
    manifest = tabletop.clips(data)
    return [
        Trial(system=system, seed=seed, config=config(manifest))
        for seed in range(SEEDS)
        for system, config in SYSTEMS.items()
    ]


STUDY = Study(name="tabletop_systems", about=(__doc__ or "").partition("\n")[0], trials=trials)

if __name__ == "__main__":
    STUDY.main()
