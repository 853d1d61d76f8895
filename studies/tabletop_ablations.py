"""Which part of ARC does what? The paper's Table 4, and what it leaves open, on the generated benchmark.

    python -m studies.tabletop_ablations

ARC-TSM-ResNet-18 with 8 channels in the stem, trained as in `studies.tabletop_hosts`, whose records give the plain host
and both presets.
"""

from dataclasses import dataclass
from pathlib import Path

from recircle.layers.config import ArcConfig
from studies import tabletop
from studies.command import Study
from studies.trial import Trial

SEEDS = 3
WIDTH = 8


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of an ablation.

    Attributes:
        arc: the layer; None is the plain host.
        arc_lr: rate of the matrices of ARC, as a multiple.
        published: top-1 on Something-Something V1 in the paper's Table 4; None where it has no such row.
        in_hosts: its name in `studies.tabletop_hosts`, if that trains it.
    """

    arc: ArcConfig | None
    arc_lr: float = 1.0
    published: float | None = None
    in_hosts: str | None = None


VARIANTS: dict[str, Variant] = {
    "TSM (n = 1, no RA, no RF)": Variant(arc=None, published=41.8, in_hosts="TSM-R18 w8"),
    "ARC (n = 4, RA + RF, additive, S+T, FC)": Variant(
        arc=ArcConfig.paper(), published=47.9, in_hosts="ARC-TSM-R18 w8, paper"
    ),
    "RF only": Variant(arc=ArcConfig.paper(attention=False), published=46.3),
    "RA only": Variant(arc=ArcConfig.paper(fusion=False), published=46.7),
    "n = 2": Variant(arc=ArcConfig.paper(steps=2), published=46.5),
    "n = 8": Variant(arc=ArcConfig.paper(steps=8)),
    "multiplicative, S, GRU": Variant(
        arc=ArcConfig.paper(interaction="multiplicative", aggregation="S", attention_module="gru"), published=45.0
    ),
    "multiplicative, S, FC": Variant(
        arc=ArcConfig.paper(interaction="multiplicative", aggregation="S"), published=46.2
    ),
    "additive, S, GRU": Variant(arc=ArcConfig.paper(aggregation="S", attention_module="gru"), published=45.6),
    "additive, ST, FC": Variant(arc=ArcConfig.paper(aggregation="ST"), published=46.5),
    "additive, T, FC": Variant(arc=ArcConfig.paper(aggregation="T"), published=47.5),
    "additive, S, FC": Variant(arc=ArcConfig.paper(aggregation="S"), published=47.0),
    "published code (mean pooling, ReLU)": Variant(arc=ArcConfig.published(), in_hosts="ARC-TSM-R18 w8, published"),
    "feedback before norm and activation": Variant(arc=ArcConfig.paper(feedback="operator")),
    "W^a drawn, deviation 0.02": Variant(arc=ArcConfig.paper(attention_init=0.02)),
    "rate of W^e, W^a, W^f x 3": Variant(arc=ArcConfig.paper(), arc_lr=3.0),
    "rate of W^e, W^a, W^f x 0.3": Variant(arc=ArcConfig.paper(), arc_lr=0.3),
}


def trials(data: Path) -> list[Trial]:
    """Return all variants of the first seed, then all of the next."""
    manifest = tabletop.clips(data)
    return [
        Trial(
            system=name,
            seed=seed,
            config=tabletop.config(manifest, "arc_tsm_resnet18", width=WIDTH, arc=variant.arc, arc_lr=variant.arc_lr),
        )
        for seed in range(SEEDS)
        for name, variant in VARIANTS.items()
        if variant.in_hosts is None
    ]


STUDY = Study(name="tabletop_ablations", about=(__doc__ or "").partition("\n")[0], trials=trials)

if __name__ == "__main__":
    STUDY.main()
