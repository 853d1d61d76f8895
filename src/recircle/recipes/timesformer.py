"""TimeSformer (Bertasius et al., ICML 2021): divided attention in space and time."""

from pathlib import Path
from typing import TYPE_CHECKING

from recircle.recipes.published import PEER_NOTES, published
from recircle.recipes.registry import recipe

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig

_NOTES = f"""
    Settings of the published code:
        96 frames; learning rate 0.005, x 0.1 after 11 and 14 of 15 epochs; weight decay 1e-4; batch 64; three crops of
        one clip. Which frames it took of a dive is not published; here they are those of the whole clip.
    {PEER_NOTES}"""


def _timesformer(run: str, data: Path) -> "TrainConfig":
    from recircle.data.sampling import Sampling
    from recircle.evaluation.protocol import Protocol
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule

    return published(
        run,
        data,
        "timesformer_large",
        sampling=Sampling(frames=96),
        optimiser=Optimiser(lr=0.005, nesterov=False, weight_decay=1e-4),
        schedule=Schedule(kind="step", milestones=(11, 14)),
        evaluation=Protocol(),
        epochs=15,
        batch_size=64,
        clip_norm=None,
        dropout=None,
    )


@recipe(notes=_NOTES, weights="vit_base_patch16_224.pth", dataset="diving48_v2")
def diving48_v2_timesformer_large_96f(data: Path) -> "TrainConfig":
    """Diving48 V2, TimeSformer-L, 96 frames: 81.0 % top-1 in the paper (Table 3).

    Commands:
        recircle index DIVING48 --layout diving48_v2
        recircle train diving48_v2_timesformer_large_96f --data DIVING48 --model.pretrained vit_base_patch16_224.pth
        recircle eval runs/diving48_v2_timesformer_large_96f --views 1x3

    Expected: 81.0 % top-1 on the test clips; 2,380 GMACs x 3 by our count (the paper prints 238 x 30), 121 M
    parameters. Not reproduced here. The weights are those of ViT-B/16 on ImageNet, as a file in timm's names.
    """
    return _timesformer("diving48_v2_timesformer_large_96f", data)
